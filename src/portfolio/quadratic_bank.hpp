// SPDX-License-Identifier: Apache-2.0
// K quadratic programs that share a matrix: min w' Q w / 2 - c_k' w, sum w = 1, low <= w <= high.
#pragma once

#include <Eigen/Dense>
#include <cstdint>
#include <vector>

namespace steepest {

class QuadraticBank {
 public:
  /// Q is (n, n), symmetric, positive semidefinite; c is (n, K).
  QuadraticBank(Eigen::MatrixXd matrix, double low, double high, std::int64_t models);

  /// Sets c_k and whether the model runs in the next solve().
  void set_linear(std::int64_t model, const Eigen::VectorXd& linear);

  /// Runs every model set since the last call until its gap is at most
  /// max(tolerance * (w' Q w / 2 + |c' w|), 16 eps L), L the largest eigenvalue of Q: the second is
  /// what rounding leaves. Or until `steps` are spent. Starts from where each model is.
  void solve(double tolerance, std::int64_t steps);

  struct State {
    Eigen::VectorXd weights;
    Eigen::VectorXd gradient;  ///< Q w - c
    double gap = 0.0;
    double bound = 0.0;  ///< what the gap has to come down to
    bool converged = false;
    std::int64_t steps = 0;
  };
  [[nodiscard]] const State& state(std::int64_t model) const {
    return states_[static_cast<std::size_t>(model)];
  }

  /// min_s g' s over the weights allowed: all at `low`, the rest given to the smallest g first.
  [[nodiscard]] double least_linear(const Eigen::VectorXd& g) const;

 private:
  struct Run;

  void evaluate(std::int64_t model, const Eigen::VectorXd& weights, double tolerance);
  bool polish(std::int64_t model, double tolerance);
  void project(Eigen::Ref<Eigen::VectorXd> weights) const;

  Eigen::MatrixXd matrix_;
  Eigen::MatrixXd linear_;  // (n, K)
  std::vector<double> low_;
  std::vector<double> high_;
  double lipschitz_ = 0.0;  // largest eigenvalue of Q, from above
  std::vector<State> states_;
  std::vector<std::int64_t> running_;
};

}  // namespace steepest
