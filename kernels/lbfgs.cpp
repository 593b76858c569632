// SPDX-License-Identifier: Apache-2.0
#include "kernels/lbfgs.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/element_ranges.hpp"
#include "kernels/state_archive.hpp"

namespace steepest::kernels {
namespace {

constexpr double sufficient_decrease = 1e-4;
constexpr double slope_share = 0.8;  // 1 - 2 delta
constexpr double shortest_cut = 0.1;
constexpr double longest_cut = 0.5;
constexpr int most_refusals = 12;

constexpr std::int64_t fewest_idle = 40;

// A gradient this much smaller is progress.
constexpr double gradient_share = 0.9;

// Of |s| |y|: below it, s'y says nothing of the curvature.
constexpr double least_cosine = 1e-12;

// Eight sums side by side, so that none waits for the one before it.
double dot_of_range(const double* a, const double* b, std::int64_t begin, std::int64_t end) {
  constexpr std::int64_t lanes = 8;
  std::array<double, lanes> sums{};
  std::int64_t e = begin;
  for (; e + lanes <= end; e += lanes) {
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      sums[static_cast<std::size_t>(lane)] += a[e + lane] * b[e + lane];
    }
  }
  double sum = 0.0;
  for (const double lane : sums) {
    sum += lane;
  }
  for (; e < end; ++e) {
    sum += a[e] * b[e];
  }
  return sum;
}

}  // namespace

Lbfgs::Lbfgs(std::int64_t elements, std::int64_t pairs, double rounding, std::int64_t patience)
    : elements_(elements),
      pairs_(pairs),
      rounding_(rounding),
      most_idle_(std::max(fewest_idle, patience + 1)),
      point_(static_cast<std::size_t>(elements)),
      gradient_(static_cast<std::size_t>(elements)),
      direction_(static_cast<std::size_t>(elements)),
      product_(static_cast<std::size_t>(elements)),
      steps_(static_cast<std::size_t>(elements * pairs)),
      changes_(static_cast<std::size_t>(elements * pairs)),
      curvatures_(static_cast<std::size_t>(pairs)) {}

double Lbfgs::dot(const double* a, const double* b, ThreadPool& pool) const {
  if (element_ranges(elements_) == 1) {
    return dot_of_range(a, b, 0, elements_);
  }
  std::vector<double> sums(static_cast<std::size_t>(element_ranges(elements_)));
  for_element_ranges(elements_, pool,
                     [&](std::int64_t begin, std::int64_t end, std::int64_t range) {
                       sums[static_cast<std::size_t>(range)] = dot_of_range(a, b, begin, end);
                     });
  double sum = 0.0;
  for (const double part : sums) {
    sum += part;
  }
  return sum;
}

void Lbfgs::add(double factor, const double* from, double* to, ThreadPool& pool) const {
  for_element_ranges(elements_, pool,
                     [&](std::int64_t begin, std::int64_t end, std::int64_t /*range*/) {
                       for (std::int64_t e = begin; e < end; ++e) {
                         to[e] += factor * from[e];
                       }
                     });
}

bool Lbfgs::takes(const Evaluation& now, const double* gradient, ThreadPool& pool) {
  if (!started_) {
    return true;
  }
  const double objective = now.objective();
  if (!is_finite(objective) || !is_finite(now.gradient_max_norm)) {
    refused_slope_ = 0.0;
    return false;
  }
  refused_slope_ = dot(gradient, direction_.data(), pool);
  const double before = at_.objective();
  if (objective <= before + sufficient_decrease * length_ * slope_) {
    return true;
  }
  return objective <= before + rounding_ * std::fabs(before) &&
         refused_slope_ <= -slope_share * slope_;
}

// The pair of the step from point_ to `parameters`, unless rounding made it useless.
void Lbfgs::remember(const double* parameters, const double* gradient, ThreadPool& pool) {
  const std::int64_t place = used_ == 0 ? 0 : (newest_ + 1) % pairs_;
  double* const step = step_of(place);
  double* const change = change_of(place);
  for_element_ranges(elements_, pool,
                     [&](std::int64_t begin, std::int64_t end, std::int64_t /*range*/) {
                       for (std::int64_t e = begin; e < end; ++e) {
                         const auto index = static_cast<std::size_t>(e);
                         step[e] = parameters[e] - point_[index];
                         change[e] = gradient[e] - gradient_[index];
                       }
                     });
  const double curvature = dot(step, change, pool);
  const double size = std::sqrt(dot(step, step, pool) * dot(change, change, pool));
  if (curvature > least_cosine * size) {
    curvatures_[static_cast<std::size_t>(place)] = curvature;
    newest_ = place;
    used_ = std::min(used_ + 1, pairs_);
  } else if (used_ == pairs_) {
    --used_;  // its place, the oldest one's, was written over
  }
}

// direction_ = -H gradient_, and its slope.
void Lbfgs::aim(const Metric& metric, double first_length, ThreadPool& pool) {
  std::vector<double> shares(static_cast<std::size_t>(used_));
  std::copy(gradient_.begin(), gradient_.end(), direction_.begin());
  for (std::int64_t back = 0; back < used_; ++back) {
    const std::int64_t pair = recent(back);
    double& share = shares[static_cast<std::size_t>(back)];
    share =
        dot(step_of(pair), direction_.data(), pool) / curvatures_[static_cast<std::size_t>(pair)];
    add(-share, change_of(pair), direction_.data(), pool);
  }
  double gamma = first_length;
  if (used_ > 0) {
    metric(change_of(newest_), product_.data());
    gamma = curvatures_[static_cast<std::size_t>(newest_)] /
            dot(change_of(newest_), product_.data(), pool);
  }
  metric(direction_.data(), product_.data());
  for_element_ranges(
      elements_, pool, [&](std::int64_t begin, std::int64_t end, std::int64_t /*range*/) {
        for (std::int64_t e = begin; e < end; ++e) {
          direction_[static_cast<std::size_t>(e)] = gamma * product_[static_cast<std::size_t>(e)];
        }
      });
  for (std::int64_t back = used_ - 1; back >= 0; --back) {
    const std::int64_t pair = recent(back);
    const double share =
        dot(change_of(pair), direction_.data(), pool) / curvatures_[static_cast<std::size_t>(pair)];
    add(shares[static_cast<std::size_t>(back)] - share, step_of(pair), direction_.data(), pool);
  }
  for_element_ranges(
      elements_, pool, [&](std::int64_t begin, std::int64_t end, std::int64_t /*range*/) {
        for (std::int64_t e = begin; e < end; ++e) {
          direction_[static_cast<std::size_t>(e)] = -direction_[static_cast<std::size_t>(e)];
        }
      });
  slope_ = dot(gradient_.data(), direction_.data(), pool);
  if (used_ > 0 && !(slope_ < 0.0)) {  // rounding has the better of the pairs
    forget_pairs();
    aim(metric, first_length, pool);
  }
}

void Lbfgs::step_to(double* next, ThreadPool& pool) const {
  for_element_ranges(elements_, pool,
                     [&](std::int64_t begin, std::int64_t end, std::int64_t /*range*/) {
                       for (std::int64_t e = begin; e < end; ++e) {
                         const auto index = static_cast<std::size_t>(e);
                         next[e] = point_[index] + length_ * direction_[index];
                       }
                     });
}

void Lbfgs::note_progress(const Evaluation& now) {
  const double objective = now.objective();
  const bool lower = objective < lowest_ - rounding_ * std::fabs(lowest_);
  const bool flatter = now.gradient_max_norm < gradient_share * smallest_gradient_;
  idle_ = !started_ || lower || flatter ? 0 : idle_ + 1;
  if (idle_ == 0) {
    lowest_ = objective;
    smallest_gradient_ = now.gradient_max_norm;
  }
}

double Lbfgs::propose(const Evaluation& now, const double* parameters, const double* gradient,
                      const Metric& metric, double first_length, ThreadPool& pool, double* next) {
  if (started_) {
    remember(parameters, gradient, pool);
  }
  note_progress(now);
  started_ = true;
  at_ = now;
  std::copy_n(parameters, elements_, point_.begin());
  std::copy_n(gradient, elements_, gradient_.begin());
  aim(metric, first_length, pool);
  refusals_ = 0;
  length_ = 1.0;
  step_to(next, pool);
  double largest = 0.0;
  for (const double change : direction_) {
    largest = std::max(largest, std::fabs(change));
  }
  return largest;
}

bool Lbfgs::propose_shorter(const Metric& metric, double first_length, ThreadPool& pool,
                            double* next) {
  ++refusals_;
  if (refusals_ > most_refusals && used_ > 0) {
    forget_pairs();
    aim(metric, first_length, pool);
    refusals_ = 0;
    length_ = 1.0;
    step_to(next, pool);
    return true;
  }
  if (refusals_ > most_refusals || !(slope_ < 0.0)) {
    length_ = 0.0;
    std::copy(point_.begin(), point_.end(), next);
    return false;
  }
  const double secant = slope_ / (slope_ - refused_slope_);
  const double cut = refused_slope_ > 0.0 ? secant : longest_cut;
  length_ *= std::clamp(cut, shortest_cut, longest_cut);
  step_to(next, pool);
  return true;
}

void Lbfgs::exchange(StateArchive& archive) {
  archive.exchange(started_);
  exchange_state(archive, at_);
  archive.exchange(point_);
  archive.exchange(gradient_);
  archive.exchange(direction_);
  archive.exchange(steps_);
  archive.exchange(changes_);
  archive.exchange(curvatures_);
  archive.exchange_in(newest_, 0, pairs_ - 1);
  archive.exchange_in(used_, 0, pairs_);
  archive.exchange(slope_);
  archive.exchange(refused_slope_);
  archive.exchange(length_);
  std::int64_t refusals = refusals_;
  archive.exchange_in(refusals, 0, most_refusals + 1);
  refusals_ = static_cast<int>(refusals);
  archive.exchange(lowest_);
  archive.exchange(smallest_gradient_);
  archive.exchange(idle_);
}

}  // namespace steepest::kernels
