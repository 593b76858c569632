// SPDX-License-Identifier: Apache-2.0
#include "steepest/portfolio.hpp"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "src/portfolio/quadratic_bank.hpp"
#include "steepest/error.hpp"
#include "steepest/projection.hpp"

namespace steepest {
namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

constexpr double rounding_of_input = 1e-6;

Matrix covariance_matrix(const Assets& assets) {
  const auto n = static_cast<Eigen::Index>(assets.count());
  const Matrix given = Eigen::Map<const Matrix>(assets.covariance.data(), n, n);
  return 0.5 * (given + given.transpose());
}

Vector returns_vector(const Assets& assets) {
  if (assets.expected_returns.empty()) {
    return Vector::Zero(static_cast<Eigen::Index>(assets.count()));
  }
  return Eigen::Map<const Vector>(assets.expected_returns.data(),
                                  static_cast<Eigen::Index>(assets.expected_returns.size()));
}

void require_returns(const Assets& assets) {
  if (assets.expected_returns.empty()) {
    throw OptionError(
        "expected returns are needed: give --expected-returns, or returns instead of "
        "a covariance");
  }
}

// Least g_i where a weight could still grow, largest where it could still shrink.
double kkt_violation(const Vector& weights, const Vector& gradient, double low, double high) {
  double largest = -HUGE_VAL;
  double least = HUGE_VAL;
  for (Eigen::Index i = 0; i < weights.size(); ++i) {
    largest = weights[i] > low ? std::max(largest, gradient[i]) : largest;
    least = weights[i] < high ? std::min(least, gradient[i]) : least;
  }
  return std::isfinite(largest - least) ? std::max(0.0, largest - least) : 0.0;
}

// Solves K portfolios of one set of assets; tau is each one's own.
class FrontierBank {
 public:
  FrontierBank(const Assets& assets, std::int64_t models, const PortfolioOptions& options)
      : assets_(assets),
        options_(options),
        matrix_(covariance_matrix(assets)),
        returns_(returns_vector(assets)),
        bank_(matrix_, assets.low, assets.high, models),
        risk_tolerances_(static_cast<std::size_t>(models), 0.0) {}

  void set_risk_tolerance(std::int64_t model, double tau) {
    risk_tolerances_[static_cast<std::size_t>(model)] = tau;
    bank_.set_linear(model, tau * returns_);
  }
  void solve() { bank_.solve(options_.tolerance, options_.steps); }

  [[nodiscard]] double expected_return(std::int64_t model) const {
    return returns_.dot(bank_.state(model).weights);
  }
  [[nodiscard]] double largest_return() const { return -bank_.least_linear(-returns_); }

  // What a risk tolerance is to be compared with.
  [[nodiscard]] double natural_tolerance() const {
    const double spread = returns_.maxCoeff() - returns_.minCoeff();
    return spread > 0.0 ? matrix_.diagonal().mean() / spread : 1.0;
  }

  // `excess` is mu' w - target, for a target that binds; 0 otherwise.
  [[nodiscard]] Portfolio portfolio(std::int64_t model, double excess = 0.0) const {
    const QuadraticBank::State& state = bank_.state(model);
    const Vector product = matrix_ * state.weights;
    Portfolio result;
    result.weights.assign(state.weights.begin(), state.weights.end());
    result.variance = std::max(0.0, state.weights.dot(product));
    result.volatility = std::sqrt(result.variance);
    if (!assets_.expected_returns.empty()) {
      result.expected_return = expected_return(model);
    }
    for (Eigen::Index i = 0; i < product.size(); ++i) {
      const double share = state.weights[i] * product[i];
      result.risk_shares.push_back(result.variance > 0.0 ? share / result.variance : 0.0);
    }
    result.risk_tolerance = risk_tolerances_[static_cast<std::size_t>(model)];
    result.gap = state.gap + result.risk_tolerance * std::max(0.0, excess);
    result.kkt_violation = kkt_violation(state.weights, state.gradient, assets_.low, assets_.high);
    result.steps = state.steps;
    if (result.gap <= state.bound) {
      result.termination = {Reason::gradient,
                            fmt::format("gap {:.3g} <= {:.3g}", result.gap, state.bound)};
    } else {
      result.termination = {Reason::epochs, fmt::format("steps {} spent; gap {:.3g} > {:.3g}",
                                                        result.steps, result.gap, state.bound)};
    }
    return result;
  }

 private:
  const Assets& assets_;
  const PortfolioOptions& options_;
  Matrix matrix_;
  Vector returns_;
  QuadraticBank bank_;
  std::vector<double> risk_tolerances_;
};

// The search for the tau that gives a target return: mu' w rises with tau, piecewise linearly, so
// a secant within a bracket is exact as soon as both ends lie on one piece.
class TargetSearch {
 public:
  TargetSearch(double target, double first, double precision)
      : target_(target), next_(first), precision_(precision) {}

  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] double next() const { return next_; }
  [[nodiscard]] double excess() const { return excess_; }

  void take(double tau, double expected_return) {
    excess_ = expected_return - target_;
    // At 0 the least variance of all may have more than is asked for.
    if (std::fabs(excess_) <= precision_ || (tau == 0.0 && excess_ >= 0.0)) {
      excess_ = tau == 0.0 ? 0.0 : excess_;
      done_ = true;
      return;
    }
    // Illinois: an end that stays a second time counts half, so that both ends move.
    if (excess_ < 0.0) {
      high_excess_ *= last_ == End::low ? 0.5 : 1.0;
      low_tau_ = tau;
      low_excess_ = excess_;
      last_ = End::low;
    } else {
      low_excess_ *= last_ == End::high ? 0.5 : 1.0;
      high_tau_ = tau;
      high_excess_ = excess_;
      last_ = End::high;
    }
    choose();
  }

 private:
  enum class End { none, low, high };

  void choose() {
    constexpr double widening = 4.0;
    if (high_tau_ == 0.0) {
      next_ = low_tau_ == 0.0 ? next_ : widening * low_tau_;
      return;
    }
    next_ = (low_tau_ * high_excess_ - high_tau_ * low_excess_) / (high_excess_ - low_excess_);
    if (!(next_ > low_tau_ && next_ < high_tau_)) {
      next_ = 0.5 * (low_tau_ + high_tau_);
      done_ = !(next_ > low_tau_ && next_ < high_tau_);
    }
  }

  double target_;
  double next_;
  double precision_;
  double excess_ = 0.0;
  double low_tau_ = 0.0;
  double low_excess_ = 0.0;
  double high_tau_ = 0.0;  // 0: not found yet
  double high_excess_ = 0.0;
  End last_ = End::none;
  bool done_ = false;
};

// Portfolios of least variance for each target, in one bank.
std::vector<Portfolio> reach_targets(const Assets& assets, const std::vector<double>& targets,
                                     const PortfolioOptions& options) {
  constexpr int most_rounds = 200;
  const auto models = static_cast<std::int64_t>(targets.size());
  FrontierBank bank(assets, models, options);
  const double largest = bank.largest_return();
  const double precision = 1e-11 * std::max(std::fabs(largest), 1e-300);
  std::vector<TargetSearch> searches;
  for (std::int64_t k = 0; k < models; ++k) {
    const double target = std::min(targets[static_cast<std::size_t>(k)], largest);
    searches.emplace_back(target, bank.natural_tolerance(), precision);
    bank.set_risk_tolerance(k, 0.0);
  }
  bank.solve();
  std::vector<double> taus(targets.size(), 0.0);
  for (int round = 0; round < most_rounds; ++round) {
    bool any = false;
    for (std::int64_t k = 0; k < models; ++k) {
      const auto index = static_cast<std::size_t>(k);
      TargetSearch& search = searches[index];
      if (search.done()) {
        continue;
      }
      search.take(taus[index], bank.expected_return(k));
      if (!search.done()) {
        taus[index] = search.next();
        bank.set_risk_tolerance(k, taus[index]);
        any = true;
      }
    }
    if (!any) {
      break;
    }
    bank.solve();
  }
  std::vector<Portfolio> portfolios;
  for (std::int64_t k = 0; k < models; ++k) {
    portfolios.push_back(bank.portfolio(k, searches[static_cast<std::size_t>(k)].excess()));
  }
  return portfolios;
}

}  // namespace

std::int64_t Assets::count() const {
  return static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(covariance.size()))));
}

Assets assets_of_returns(const std::vector<double>& returns, std::int64_t assets) {
  const auto n = static_cast<Eigen::Index>(assets);
  const auto rows = static_cast<Eigen::Index>(returns.size()) / std::max<Eigen::Index>(n, 1);
  if (rows < 2) {
    throw InputError(fmt::format("a covariance needs at least 2 rows of returns, not {}", rows));
  }
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Matrix values = Eigen::Map<const RowMajor>(returns.data(), rows, n);
  const Vector mean = values.colwise().mean();
  const Matrix centred = values.rowwise() - mean.transpose();
  const Matrix covariance = centred.transpose() * centred / static_cast<double>(rows - 1);
  Assets result;
  result.covariance.assign(covariance.data(), covariance.data() + covariance.size());
  result.expected_returns.assign(mean.begin(), mean.end());
  return result;
}

void check_assets(const Assets& assets) {
  const std::int64_t n = assets.count();
  if (n < 1 || static_cast<std::size_t>(n * n) != assets.covariance.size()) {
    throw InputError(
        fmt::format("a covariance has as many rows as columns; this one has {} numbers",
                    assets.covariance.size()));
  }
  const Matrix given = Eigen::Map<const Matrix>(assets.covariance.data(), n, n);
  const double size = given.cwiseAbs().maxCoeff();
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      if (!std::isfinite(given(i, j)) || !std::isfinite(given(j, i)) ||
          std::fabs(given(i, j) - given(j, i)) > rounding_of_input * size) {
        throw InputError(fmt::format(
            "the covariance is not symmetric: row {} column {} is {}, row {} column {} is {}",
            i + 1, j + 1, given(j, i), j + 1, i + 1, given(i, j)));
      }
    }
  }
  const Vector eigenvalues =
      Eigen::SelfAdjointEigenSolver<Matrix>(given, Eigen::EigenvaluesOnly).eigenvalues();
  if (eigenvalues[0] < -rounding_of_input * eigenvalues[n - 1] || !(eigenvalues[n - 1] >= 0.0)) {
    throw InputError(
        fmt::format("no covariance is like this: some portfolio would have a variance "
                    "below 0 (smallest eigenvalue {:.4g}, largest {:.4g})",
                    eigenvalues[0], eigenvalues[n - 1]));
  }
  if (!assets.expected_returns.empty() &&
      static_cast<std::int64_t>(assets.expected_returns.size()) != n) {
    throw OptionError(fmt::format("{} expected returns are given for {} assets",
                                  assets.expected_returns.size(), n));
  }
  std::vector<double> start(static_cast<std::size_t>(n), 0.0);
  project_onto_sum_in_box(start, std::vector<double>(start.size(), assets.low),
                          std::vector<double>(start.size(), assets.high), 1.0);
}

Portfolio minimum_variance(const Assets& assets, const PortfolioOptions& options) {
  check_assets(assets);
  FrontierBank bank(assets, 1, options);
  bank.set_risk_tolerance(0, 0.0);
  bank.solve();
  return bank.portfolio(0);
}

Portfolio best_utility(const Assets& assets, double risk_aversion,
                       const PortfolioOptions& options) {
  check_assets(assets);
  require_returns(assets);
  if (!(risk_aversion > 0.0) || !std::isfinite(risk_aversion)) {
    throw OptionError("the risk aversion must be above 0");
  }
  FrontierBank bank(assets, 1, options);
  bank.set_risk_tolerance(0, 1.0 / risk_aversion);
  bank.solve();
  return bank.portfolio(0);
}

Portfolio with_target_return(const Assets& assets, double target, const PortfolioOptions& options) {
  check_assets(assets);
  require_returns(assets);
  const double largest = FrontierBank(assets, 1, options).largest_return();
  if (!(target <= largest + 1e-12 * std::fabs(largest))) {
    throw OptionError(fmt::format(
        "no weights within the bounds have an expected return of {}: the largest is {:.6g}", target,
        largest));
  }
  return reach_targets(assets, {target}, options).front();
}

std::vector<Portfolio> efficient_frontier(const Assets& assets, std::int64_t points,
                                          const PortfolioOptions& options) {
  constexpr std::int64_t most_points = 10'000;
  require_returns(assets);
  if (points < 2 || points > most_points) {
    throw OptionError(fmt::format("a frontier has 2 to {} points", most_points));
  }
  const double least = *minimum_variance(assets, options).expected_return;
  const double largest = FrontierBank(assets, 1, options).largest_return();
  std::vector<double> targets;
  for (std::int64_t k = 0; k < points; ++k) {
    const double share = static_cast<double>(k) / static_cast<double>(points - 1);
    targets.push_back(k + 1 == points ? largest : least + share * (largest - least));
  }
  return reach_targets(assets, targets, options);
}

}  // namespace steepest
