// SPDX-License-Identifier: Apache-2.0
// The parameters of a bank, with all that a step changes, in device memory.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <vector>

#include "kernels/backend.hpp"
#include "kernels/bank.hpp"
#include "kernels/device_buffer.cuh"
#include "kernels/update.hpp"

namespace steepest::kernels {

/// Elements of a model that one block updates. Fixed, so that sums over elements are added in the
/// same order always.
inline constexpr int elements_per_task = 256;

/// Tasks, of elements_per_task elements but for the last, that update a model.
STEEPEST_HD inline std::int64_t tasks_per_model(const BankShape& shape) {
  return (shape.elements_per_model() + elements_per_task - 1) / elements_per_task;
}

/// A bank as kernels see it.
struct BankView {
  BankShape shape;
  const ModelPlan* plans = nullptr;        ///< models
  ModelState* states = nullptr;            ///< models
  double* parameters = nullptr;            ///< (2, columns, d + 1); ModelState::current says which
  double* velocities = nullptr;            ///< (columns, d + 1)
  double* gradients = nullptr;             ///< (columns, d + 1), or null without a preconditioner
  double* directions = nullptr;            ///< (columns, d + 1), or null without a preconditioner
  const double* preconditioner = nullptr;  ///< (d + 1, d + 1), or null: see BankPlan
  double* second = nullptr;                ///< (columns, d + 1), or null: see BankState
  double* old_points = nullptr;            ///< (columns, d + 1), or null: see BankState
  double* old_gradients = nullptr;         ///< likewise
  const Bound* bounds = nullptr;           ///< (d + 1), or null: see BankPlan
  UpdateSums* sums = nullptr;              ///< (models, tasks_per_model)
  double* squares = nullptr;    ///< (models, tasks_per_model) of gradients; null: no clip
  RateSums* rates = nullptr;    ///< (models, tasks_per_model); null: no schedule finds its rate
  unsigned* tickets = nullptr;  ///< models, 0 between launches

  [[nodiscard]] STEEPEST_HD double* parameters_of(std::int64_t model, std::int32_t buffer) const {
    return parameters + buffer * shape.elements() + model * shape.elements_per_model();
  }

  /// As BankState::reported_of.
  [[nodiscard]] STEEPEST_HD double* reported_of(std::int64_t model) const {
    const ModelState& state = states[model];
    if (state.reports_current) {
      return parameters_of(model, state.current);
    }
    double* const other = searches(plans[model].schedule.kind) ? old_points : second;
    return other + model * shape.elements_per_model();
  }
};

/// Owns a bank. Its states live on the device; `states()` is the host's copy of the last refresh().
class DeviceBank {
 public:
  /// The bank of a plan over d features, at its initial parameters, with velocities 0. Waits.
  DeviceBank(const BankPlan& plan, std::int64_t features, cudaStream_t stream);

  [[nodiscard]] const BankShape& shape() const { return shape_; }
  [[nodiscard]] BankView view();
  [[nodiscard]] const std::vector<ModelState>& states() const { return states_; }
  [[nodiscard]] bool any_running() const;

  /// Copies the states from the device when the work queued is done.
  void refresh();

  /// Takes states that came from the device otherwise: models long.
  void refresh(const ModelState* states);

  /// Ends a model's run from outside; waits.
  void stop(std::int64_t model, Reason reason);

  /// (C, d + 1): the parameters a model reports; waits.
  [[nodiscard]] std::vector<double> parameters(std::int64_t model) const;

  /// Writes or reads all that steps have changed, see kernels/state_archive.hpp; waits.
  void exchange(StateArchive& archive);

  /// Queues rounding to T what every model takes gradients at, or what it reports: weights is
  /// (columns, pitch), padding 0.
  template <class T>
  void round_parameters(std::int64_t pitch, T* weights, bool reported);

 private:
  BankShape shape_;
  cudaStream_t stream_;
  bool has_second_;
  bool clips_;
  bool finds_rates_;
  bool remembers_;
  std::vector<bool> searches_;  // of the models: their schedules
  std::vector<ModelState> states_;
  DeviceBuffer<ModelPlan> plans_;
  DeviceBuffer<ModelState> device_states_;
  DeviceBuffer<double> parameters_;
  DeviceBuffer<double> velocities_;
  DeviceBuffer<double> gradients_;
  DeviceBuffer<double> directions_;
  DeviceBuffer<double> preconditioner_;
  DeviceBuffer<double> second_;
  DeviceBuffer<double> old_points_;
  DeviceBuffer<double> old_gradients_;
  DeviceBuffer<Bound> bounds_;
  DeviceBuffer<double> squares_;
  DeviceBuffer<RateSums> rates_;
  DeviceBuffer<UpdateSums> sums_;
  DeviceBuffer<unsigned> tickets_;
};

}  // namespace steepest::kernels
