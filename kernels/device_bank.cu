// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/device_bank.cuh"
#include "kernels/for_each_index.cuh"
#include "kernels/state_archive.hpp"

namespace steepest::kernels {
namespace {

// Element i of the weights laid out (columns, pitch).
template <class T>
struct RoundParameter {
  BankView bank;
  std::int64_t pitch = 0;
  T* weights = nullptr;
  bool reported = false;

  STEEPEST_HD void operator()(std::int64_t i) const {
    const std::int64_t column = i / pitch;
    const std::int64_t j = i % pitch;
    const std::int64_t model = column / bank.shape.outputs;
    const std::int64_t output = column % bank.shape.outputs;
    if (j < bank.shape.stride()) {
      const double* from = reported ? bank.reported_of(model)
                                    : bank.parameters_of(model, bank.states[model].current);
      weights[i] = static_cast<T>(from[output * bank.shape.stride() + j]);
    } else {
      weights[i] = T(0);
    }
  }
};

template <class Has>
bool any_model(const BankPlan& plan, Has has) {
  return std::any_of(plan.models.begin(), plan.models.end(), has);
}

// What velocities and second arrays start from.
struct SetFirstElements {
  BankView bank;

  STEEPEST_HD void operator()(std::int64_t i) const {
    const ModelPlan& plan = bank.plans[i / bank.shape.elements_per_model()];
    bank.velocities[i] = first_velocity(plan, bank.parameters[i]);
    if (bank.second != nullptr) {
      bank.second[i] = first_second(plan, bank.parameters[i]);
    }
  }
};

}  // namespace

DeviceBank::DeviceBank(const BankPlan& plan, std::int64_t features, cudaStream_t stream)
    : shape_{features, plan.outputs, static_cast<std::int64_t>(plan.models.size())},
      stream_(stream),
      has_second_(any_model(plan, [](const ModelPlan& model) { return model.has_second(); })),
      clips_(any_model(plan, [](const ModelPlan& model) { return model.clip_norm > 0.0; })),
      finds_rates_(
          any_model(plan, [](const ModelPlan& model) { return finds_rate(model.schedule.kind); })),
      remembers_(
          any_model(plan, [](const ModelPlan& model) { return remembers(model.schedule.kind); })),
      states_(plan.models.size()),
      plans_(shape_.models, "plans"),
      device_states_(shape_.models, "states"),
      parameters_(2 * shape_.elements(), "parameters"),
      velocities_(shape_.elements(), "velocities"),
      gradients_(plan.preconditioner.empty() && !clips_ && !finds_rates_ ? 0 : shape_.elements(),
                 "gradients"),
      directions_(plan.preconditioner.empty() ? 0 : shape_.elements(), "directions"),
      preconditioner_(static_cast<std::int64_t>(plan.preconditioner.size()),
                      "elements of the preconditioner"),
      second_(has_second_ ? shape_.elements() : 0, "second elements of rules"),
      old_points_(remembers_ ? shape_.elements() : 0, "points that schedules remember"),
      old_gradients_(remembers_ ? shape_.elements() : 0, "gradients that schedules remember"),
      bounds_(static_cast<std::int64_t>(plan.bounds.size()), "bounds"),
      squares_(clips_ ? shape_.models * tasks_per_model(shape_) : 0, "squares of gradients"),
      rates_(finds_rates_ ? shape_.models * tasks_per_model(shape_) : 0, "sums for rates"),
      sums_(shape_.models * tasks_per_model(shape_), "sums of the update"),
      tickets_(shape_.models, "tickets of the update") {
  for (DeviceBuffer<double>* buffer :
       {&parameters_, &velocities_, &gradients_, &directions_, &old_points_, &old_gradients_}) {
    fill_bytes(buffer->data(), buffer->size(), 0, stream);
  }
  fill_bytes(tickets_.data(), tickets_.size(), 0, stream);
  for (ModelState& state : states_) {
    state.step = plan.first_step;
  }
  for (const ModelPlan& model : plan.models) {
    searches_.push_back(searches(model.schedule.kind));
  }
  upload(plan.models.data(), shape_.models, plans_.data(), stream);
  upload(states_.data(), shape_.models, device_states_.data(), stream);
  upload(plan.initial.data(), static_cast<std::int64_t>(plan.initial.size()), parameters_.data(),
         stream);
  upload(plan.preconditioner.data(), preconditioner_.size(), preconditioner_.data(), stream);
  upload(plan.bounds.data(), bounds_.size(), bounds_.data(), stream);
  for_each_index("setting what rules start from", shape_.elements(), stream,
                 SetFirstElements{view()});
}

BankView DeviceBank::view() {
  BankView view;
  view.shape = shape_;
  view.plans = plans_.data();
  view.states = device_states_.data();
  view.parameters = parameters_.data();
  view.velocities = velocities_.data();
  view.gradients = gradients_.data();
  view.directions = directions_.data();
  view.preconditioner = preconditioner_.data();
  view.second = second_.data();
  view.old_points = old_points_.data();
  view.old_gradients = old_gradients_.data();
  view.bounds = bounds_.data();
  view.squares = squares_.data();
  view.rates = rates_.data();
  view.sums = sums_.data();
  view.tickets = tickets_.data();
  return view;
}

bool DeviceBank::any_running() const {
  return std::any_of(states_.begin(), states_.end(),
                     [](const ModelState& state) { return state.reason == Reason::running; });
}

void DeviceBank::refresh() {
  download(device_states_.data(), shape_.models, states_.data(), stream_);
}

void DeviceBank::refresh(const ModelState* states) {
  std::copy_n(states, shape_.models, states_.begin());
}

void DeviceBank::stop(std::int64_t model, Reason reason) {
  ModelState& state = states_[static_cast<std::size_t>(model)];
  state.reason = reason;
  upload(&state, 1, device_states_.data() + model, stream_);
}

std::vector<double> DeviceBank::parameters(std::int64_t model) const {
  const std::int64_t count = shape_.elements_per_model();
  const auto k = static_cast<std::size_t>(model);
  const ModelState& state = states_[k];
  const double* const first = state.reports_current
                                  ? parameters_.data() + state.current * shape_.elements()
                              : searches_[k] ? old_points_.data()
                                             : second_.data();
  std::vector<double> values(static_cast<std::size_t>(count));
  download(first + model * count, count, values.data(), stream_);
  return values;
}

void DeviceBank::exchange(StateArchive& archive) {
  refresh();
  for (std::size_t k = 0; k < states_.size(); ++k) {
    exchange_state(archive, states_[k]);
    if (!states_[k].reports_current && !searches_[k] && !has_second_) {
      archive.fail("it reports a point that its rule does not have");
    }
  }
  upload(states_.data(), shape_.models, device_states_.data(), stream_);
  for (DeviceBuffer<double>* buffer : {&parameters_, &velocities_, &gradients_, &directions_,
                                       &second_, &old_points_, &old_gradients_}) {
    std::vector<double> host(static_cast<std::size_t>(buffer->size()));
    download(buffer->data(), buffer->size(), host.data(), stream_);
    archive.exchange(host);
    upload(host.data(), buffer->size(), buffer->data(), stream_);
  }
}

template <class T>
void DeviceBank::round_parameters(std::int64_t pitch, T* weights, bool reported) {
  for_each_index("rounding parameters", shape_.columns() * pitch, stream_,
                 RoundParameter<T>{view(), pitch, weights, reported});
}

template void DeviceBank::round_parameters(std::int64_t, float*, bool);
template void DeviceBank::round_parameters(std::int64_t, double*, bool);

}  // namespace steepest::kernels
