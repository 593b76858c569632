// SPDX-License-Identifier: Apache-2.0
// The mean NLL of scaled logits, its penalty, and their gradient, for vector and matrix scaling.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/backend.hpp"
#include "kernels/thread_pool.hpp"
#include "src/calibrate/held_logits.hpp"
#include "steepest/score_scaling.hpp"
#include "steepest/termination.hpp"

namespace steepest::calibrate {

/// A function of the parameters theta: for a matrix (K, K + 1), row k its factors and then its
/// intercept; for a vector (K, 2). Factors are in units of 1 / scale, the logits' root mean square,
/// so that all parameters have a like effect.
class AffineObjective {
 public:
  AffineObjective() = default;
  AffineObjective(const AffineObjective&) = delete;
  AffineObjective& operator=(const AffineObjective&) = delete;
  virtual ~AffineObjective() = default;

  [[nodiscard]] virtual std::int64_t elements() const = 0;

  /// Fills `gradient`, without the penalty's; returns the mean NLL.
  virtual double mean_nll(const std::vector<double>& theta, std::vector<double>& gradient) = 0;

  /// out = P v: a metric in which steps of length 1 are safe, for a penalty lambda.
  virtual void metric(double penalty, const double* v, double* out) = 0;

  [[nodiscard]] virtual std::vector<double> start(double beta) const = 0;
  [[nodiscard]] virtual ScoreScaling scaling(const std::vector<double>& theta) const = 0;

  /// Both with the penalty; `gradient` of the sum.
  [[nodiscard]] Evaluation evaluate(const std::vector<double>& theta, double penalty,
                                    std::vector<double>& gradient);

 protected:
  /// The penalty's share of element e: its factor of theta_e^2, for lambda = 1; 0 where free.
  [[nodiscard]] virtual double penalty_factor(std::int64_t element) const = 0;
};

/// On the CPU, in double. `held` must outlive it.
[[nodiscard]] std::unique_ptr<AffineObjective> make_vector_objective(const HeldLogits& held,
                                                                     double scale,
                                                                     kernels::ThreadPool& pool);

/// By a backend's pass over the rows; they are copied to it.
[[nodiscard]] std::unique_ptr<AffineObjective> make_matrix_objective(const HeldLogits& held,
                                                                     double scale,
                                                                     const DeviceInfo& device,
                                                                     int threads);

}  // namespace steepest::calibrate
