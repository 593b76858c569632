// SPDX-License-Identifier: Apache-2.0
#include "src/train/inference.hpp"

#include <fmt/format.h>

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <utility>

#include "src/data/excerpt.hpp"
#include "src/train/information.hpp"
#include "steepest/error.hpp"

namespace steepest::train {
namespace {

constexpr std::int64_t most_coefficients = 5000;

// Up to so many the Hessian's eigenvectors say which columns depend on each other.
constexpr std::int64_t most_eigenvectors = 1200;

// A smaller eigenvalue of the scaled Hessian is rounding, of features that are float32.
constexpr double singular_below = 1e-13;

// A coefficient that this share of a direction without curvature belongs to is not determined.
constexpr double undetermined_above = 1e-8;

// Distances from the optimum, in standard errors: nothing to gain below, and where Newton's method
// is known to converge.
constexpr double settled = 1e-9;
constexpr double newton_converges = 1.0;

constexpr double rounding = 1e-13;  // of squares of targets, by features that are float32

// A standard error of a deviation's log odds that no finite sample of classes that overlap has.
constexpr double boundless_log_odds = 20.0;

constexpr double harmful_condition = 30.0;
constexpr double tail = 0.025;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// The inverse of H = D R D, D^2 its diagonal, applied to what inference asks for.
class InverseInformation {
 public:
  explicit InverseInformation(const Eigen::MatrixXd& hessian)
      : scale_(hessian.diagonal().cwiseMax(0.0).cwiseSqrt()) {
    inverse_scale_ = scale_.unaryExpr([](double scale) { return scale > 0.0 ? 1.0 / scale : 0.0; });
    empty_ = (scale_.array() <= 0.0).any();
    Eigen::MatrixXd scaled = inverse_scale_.asDiagonal() * hessian * inverse_scale_.asDiagonal();
    if (scaled.rows() <= most_eigenvectors) {
      take_eigenvectors(scaled);
    } else {
      factorize(scaled);
    }
  }

  // a' H^-1 a; NaN where that is not determined.
  [[nodiscard]] double variance(const Eigen::VectorXd& a) const {
    const Eigen::VectorXd scaled = inverse_scale_.cwiseProduct(a);
    if (scaled.isZero(0.0)) {  // of a parameter that no row depends on
      return nan;
    }
    if (inverse_.size() > 0 && (a.array() != 0.0).count() == 1) {  // of most parameters
      return scaled.dot(inverse_.diagonal().cwiseProduct(scaled));
    }
    if (vectors_.size() == 0) {
      return inverse_.size() > 0 ? scaled.dot(inverse_ * scaled) : nan;
    }
    const Eigen::VectorXd along = vectors_.transpose() * scaled;
    double sum = 0.0;
    for (std::int64_t k = 0; k < along.size(); ++k) {
      const double square = along(k) * along(k);
      if (values_(k) > floor_) {
        sum += square / values_(k);
      } else if (square > undetermined_above * scaled.squaredNorm()) {
        return nan;
      }
    }
    return sum;
  }

  // H^-1 g, without directions of no curvature.
  [[nodiscard]] Eigen::VectorXd solve(const Eigen::VectorXd& gradient) const {
    const Eigen::VectorXd scaled = inverse_scale_.cwiseProduct(gradient);
    if (vectors_.size() == 0) {
      return inverse_.size() == 0 ? Eigen::VectorXd::Zero(gradient.size()).eval()
                                  : inverse_scale_.cwiseProduct(inverse_ * scaled).eval();
    }
    Eigen::VectorXd along = vectors_.transpose() * scaled;
    for (std::int64_t k = 0; k < along.size(); ++k) {
      along(k) = values_(k) > floor_ ? along(k) / values_(k) : 0.0;
    }
    return inverse_scale_.cwiseProduct(vectors_ * along);
  }

  [[nodiscard]] double condition_number() const { return condition_; }

  // Parameters that are determined together.
  [[nodiscard]] std::int64_t rank() const {
    return vectors_.size() > 0 ? (values_.array() > floor_).count()
                               : (inverse_scale_.array() > 0.0).count();
  }

  // The parameters that owe over half of their variance to directions of little curvature.
  [[nodiscard]] std::vector<std::int64_t> collinear() const {
    std::vector<std::int64_t> found;
    if (condition_ <= harmful_condition) {
      return found;
    }
    if (vectors_.size() == 0) {
      const double most = inverse_.size() == 0 ? 0.0 : inverse_.diagonal().maxCoeff();
      for (std::int64_t i = 0; i < inverse_.rows(); ++i) {
        if (inverse_(i, i) > 0.5 * most) {
          found.push_back(i);
        }
      }
      return found;
    }
    const double weak = values_.maxCoeff() / (harmful_condition * harmful_condition);
    for (std::int64_t i = 0; i < vectors_.rows(); ++i) {
      double all = 0.0;
      double from_weak = 0.0;
      for (std::int64_t k = 0; k < values_.size(); ++k) {
        const double part = vectors_(i, k) * vectors_(i, k) / std::max(values_(k), floor_);
        all += part;
        from_weak += values_(k) < weak ? part : 0.0;
      }
      if (from_weak > 0.5 * all && inverse_scale_(i) > 0.0) {
        found.push_back(i);
      }
    }
    return found;
  }

 private:
  void take_eigenvectors(const Eigen::MatrixXd& scaled) {
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(scaled);
    values_ = solver.eigenvalues();
    vectors_ = solver.eigenvectors();
    floor_ = singular_below * values_.maxCoeff();
    // Eigenvalues of columns that are 0 say nothing of the others.
    double least = std::numeric_limits<double>::infinity();
    for (std::int64_t k = 0; k < values_.size(); ++k) {
      const bool of_empty =
          empty_ && vectors_.col(k).cwiseProduct(scale_).squaredNorm() == 0.0 && values_(k) == 0.0;
      least = of_empty ? least : std::min(least, values_(k));
    }
    condition_ = least > floor_ ? std::sqrt(values_.maxCoeff() / least)
                                : std::numeric_limits<double>::infinity();
  }

  void factorize(Eigen::MatrixXd& scaled) {
    for (std::int64_t i = 0; i < scaled.rows(); ++i) {
      scaled(i, i) = inverse_scale_(i) > 0.0 ? scaled(i, i) : 1.0;
    }
    const Eigen::LLT<Eigen::MatrixXd> factor(scaled);
    const double inverse_condition = factor.info() == Eigen::Success ? factor.rcond() : 0.0;
    condition_ = inverse_condition > singular_below ? std::sqrt(1.0 / inverse_condition)
                                                    : std::numeric_limits<double>::infinity();
    if (inverse_condition > singular_below) {
      inverse_ = factor.solve(Eigen::MatrixXd::Identity(scaled.rows(), scaled.cols()));
    }
  }

  Eigen::VectorXd scale_;
  Eigen::VectorXd inverse_scale_;  // 0 for a parameter that no row depends on
  bool empty_ = false;             // whether there is one
  Eigen::VectorXd values_;
  Eigen::MatrixXd vectors_;  // of many parameters: empty
  Eigen::MatrixXd inverse_;  // of R, where there are no vectors
  double floor_ = 0.0;
  double condition_ = 0.0;
};

// Tails of t or of the normal distribution.
class Reference {
 public:
  explicit Reference(double degrees_of_freedom) : degrees_(degrees_of_freedom) {}

  [[nodiscard]] double two_sided(double statistic) const {
    const double size = std::fabs(statistic);
    if (!std::isfinite(size)) {
      return nan;
    }
    return 2.0 * (degrees_ > 0.0 ? cdf(complement(boost::math::students_t(degrees_), size))
                                 : cdf(complement(boost::math::normal(), size)));
  }

  [[nodiscard]] double half_width() const {
    return degrees_ > 0.0 ? quantile(complement(boost::math::students_t(degrees_), tail))
                          : quantile(complement(boost::math::normal(), tail));
  }

 private:
  double degrees_;
};

// Adds one coefficient's numbers to the lists that `of` picks.
template <class Pick>
void append(double estimate, double standard_error, const Reference& reference, double half_width,
            Pick of, Inference& inference) {
  const double error = standard_error > 0.0 ? standard_error : nan;
  of(inference.estimates).push_back(estimate);
  of(inference.standard_errors).push_back(standard_error);
  of(inference.statistics).push_back(estimate / error);
  of(inference.p_values).push_back(reference.two_sided(estimate / error));
  of(inference.lower).push_back(estimate - half_width * standard_error);
  of(inference.upper).push_back(estimate + half_width * standard_error);
}

std::vector<double>& coefficients_of(CoefficientValues& values) { return values.coefficients; }
std::vector<double>& intercept_of(CoefficientValues& values) { return values.intercept; }

class Inferring {
 public:
  Inferring(const InferenceInput& input, kernels::ThreadPool& pool)
      : input_(input),
        pool_(pool),
        model_(*input.model),
        classifies_(model_.kind == ModelKind::softmax),
        information_(information_at_model(input, pool)),
        inverse_(information_.hessian) {}

  Inference run() {
    const std::vector<std::string>& names = model_.output_names();
    result_.kind = classifies_ ? Inference::Kind::z : Inference::Kind::t;
    result_.outputs.assign(names.begin() + (classifies_ ? 1 : 0), names.end());
    result_.reference = classifies_ ? names.front() : "";
    if (!classifies_) {
      result_.degrees_of_freedom = input_.weight_sum - static_cast<double>(inverse_.rank());
      for (const double square : information_.residual) {
        result_.residual_variance.push_back(square / result_.degrees_of_freedom);
      }
    }
    const Reference reference(result_.degrees_of_freedom);
    half_width_ = reference.half_width();
    result_.distance = distance();
    if (classifies_ && result_.distance > settled && result_.distance < newton_converges) {
      move_to_optimum();
    }
    for (std::size_t o = 0; o < result_.outputs.size(); ++o) {
      add_output(static_cast<std::int64_t>(o), reference);
    }
    result_.separated = separated();
    if (classifies_) {
      diagnose(InverseInformation(information_.moment));
    } else {
      diagnose(inverse_);
    }
    return std::move(result_);
  }

 private:
  void diagnose(const InverseInformation& moment) {
    result_.condition_number = moment.condition_number();
    const std::vector<std::string> features = model_.schema.feature_names();
    for (const std::int64_t j : moment.collinear()) {
      if (j < model_.features()) {
        result_.collinear.push_back(features[static_cast<std::size_t>(j)]);
      }
    }
  }

  // Where the parameters of output o begin.
  [[nodiscard]] std::int64_t group(std::int64_t o) const {
    return classifies_ ? o * information_.width : 0;
  }

  // Reads the parameter of the input's units: coefficient j, or for j = d the intercept, which is
  // where features are 0, not at their mean. All of `a` is 0 before and after `use(a)`.
  template <class Use>
  void with_functional(std::int64_t o, std::int64_t j, Eigen::VectorXd& a, Use use) const {
    const std::int64_t d = model_.features();
    const std::int64_t first = group(o);
    a(first + j) = 1.0;
    for (std::int64_t i = 0; j == d && i < d; ++i) {
      a(first + i) = -input_.feature_mean[static_cast<std::size_t>(i)];
    }
    use(a);
    a.segment(first, information_.width).setZero();
  }

  // Calls use(output, j, a) for every parameter.
  template <class Use>
  void for_each_parameter(Use use) const {
    Eigen::VectorXd a = Eigen::VectorXd::Zero(information_.hessian.rows());
    for (std::int64_t o = 0; o < static_cast<std::int64_t>(result_.outputs.size()); ++o) {
      for (std::int64_t j = 0; j < information_.width; ++j) {
        with_functional(o, j, a, [&](const Eigen::VectorXd& of) { use(o, j, of); });
      }
    }
  }

  [[nodiscard]] double standard_error(std::int64_t o, const Eigen::VectorXd& a) const {
    const double scale = classifies_ ? 1.0 : result_.residual_variance[static_cast<std::size_t>(o)];
    return std::sqrt(scale * inverse_.variance(a));
  }

  // Of a Newton step, in standard errors. Where a model explains a target to rounding, errors are
  // rounding, too.
  [[nodiscard]] double distance() const {
    Eigen::MatrixXd steps(information_.gradient.rows(), information_.gradient.cols());
    for (std::int64_t c = 0; c < steps.cols(); ++c) {
      steps.col(c) = inverse_.solve(information_.gradient.col(c));
    }
    double most = 0.0;
    for_each_parameter([&](std::int64_t o, std::int64_t /*j*/, const Eigen::VectorXd& a) {
      const double error = standard_error(o, a);
      const bool exact =
          !classifies_ && information_.residual[static_cast<std::size_t>(o)] <=
                              rounding * information_.target_squares[static_cast<std::size_t>(o)];
      if (error > 0.0 && !exact) {
        most = std::max(most, std::fabs(a.dot(steps.col(classifies_ ? 0 : o))) / error);
      }
    });
    return most;
  }

  // The Hessian of classes moves with the point: a Newton step from here leaves it where it is at
  // the optimum, but for the square of the distance.
  void move_to_optimum() {
    const Eigen::VectorXd step = inverse_.solve(information_.gradient.col(0));
    Model moved = model_;
    for_each_parameter([&](std::int64_t o, std::int64_t j, const Eigen::VectorXd& a) {
      const std::int64_t d = model_.features();
      double& value = j < d ? moved.coefficients[static_cast<std::size_t>((o + 1) * d + j)]
                            : moved.intercept[static_cast<std::size_t>(o + 1)];
      value -= a.dot(step);
    });
    InferenceInput input = input_;
    input.model = &moved;
    information_ = information_at_model(input, pool_);
    inverse_ = InverseInformation(information_.hessian);
  }

  void add_output(std::int64_t output, const Reference& reference) {
    Eigen::VectorXd a = Eigen::VectorXd::Zero(information_.hessian.rows());
    for (std::int64_t j = 0; j < information_.width; ++j) {
      with_functional(output, j, a, [&](const Eigen::VectorXd& of) {
        append(estimate(output, j), standard_error(output, of), reference, half_width_,
               j < model_.features() ? coefficients_of : intercept_of, result_);
      });
    }
  }

  // Classes that a change of a feature by its deviation may tell from the first by any odds.
  [[nodiscard]] std::vector<std::string> separated() const {
    std::vector<std::string> found;
    const std::int64_t d = model_.features();
    for (std::size_t o = 0; classifies_ && o < result_.outputs.size(); ++o) {
      bool any = false;
      for (std::int64_t j = 0; j < d; ++j) {
        const double deviation = std::sqrt(information_.moment(j, j) / input_.weight_sum);
        const auto at = static_cast<std::int64_t>(o) * d + j;
        any =
            any || result_.standard_errors.coefficients[static_cast<std::size_t>(at)] * deviation >
                       boundless_log_odds;
      }
      if (any) {
        found.push_back(result_.outputs[o]);
      }
    }
    return found;
  }

  // Coefficient j, or the intercept for j = d; of a class, less that of the first.
  [[nodiscard]] double estimate(std::int64_t o, std::int64_t j) const {
    const std::int64_t d = model_.features();
    const auto value = [&](std::int64_t output) {
      return j < d ? model_.coefficients[static_cast<std::size_t>(output * d + j)]
                   : model_.intercept[static_cast<std::size_t>(output)];
    };
    return classifies_ ? value(o + 1) - value(0) : value(o);
  }

  const InferenceInput& input_;
  kernels::ThreadPool& pool_;
  const Model& model_;
  bool classifies_;
  Information information_;
  InverseInformation inverse_;
  double half_width_ = 0.0;
  Inference result_;
};

void add_warnings(const Inference& inference, std::vector<std::string>& warnings) {
  constexpr double far = 0.05;
  constexpr std::size_t shown = 6;
  if (inference.condition_number > harmful_condition && !inference.collinear.empty()) {
    const std::string names = data::list_of(inference.collinear, shown);
    warnings.push_back(
        std::isfinite(inference.condition_number)
            ? fmt::format("collinear columns make standard errors large (condition number {:.3g}): "
                          "{}",
                          inference.condition_number, names)
            : fmt::format("columns that depend on each other have no standard errors of their own: "
                          "{}",
                          names));
  }
  if (!std::isfinite(inference.condition_number) && inference.collinear.empty()) {
    warnings.push_back(
        fmt::format("columns depend on each other, and of more than {} coefficients it is not "
                    "looked which: there "
                    "are no standard errors",
                    most_eigenvectors));
  }
  if (!inference.separated.empty()) {
    warnings.push_back(fmt::format(
        "the features tell {} from \"{}\" all but without error: the likelihood grows with the "
        "coefficients without end, and their tests and intervals say nothing; --l2 X without "
        "--inference gives a model",
        data::list_of(inference.separated, shown), inference.reference));
  }
  if (inference.distance > far) {
    warnings.push_back(fmt::format(
        "the run ended up to {:.2g} standard errors away from the optimum, which standard errors, "
        "tests and intervals are about: let it converge (a smaller --tolerance-gradient, more "
        "--epochs, full batch)",
        inference.distance));
  }
}

}  // namespace

void check_inference(const FitPlan& plan, const RowSource& data, const RowWeights& weights,
                     bool intercept) {
  if (plan.l2 != 0.0) {
    throw OptionError(
        "--inference needs a fit without penalty, --l2 0: a penalty biases coefficients, and "
        "standard errors do not tell by how much");
  }
  if (plan.proximal) {
    throw OptionError(
        "--inference is for coefficients that are free: leave --l1 and --constraint away");
  }
  if (!std::holds_alternative<SquaredLoss>(plan.loss) &&
      !std::holds_alternative<LogisticLoss>(plan.loss) &&
      !std::holds_alternative<SoftmaxLoss>(plan.loss)) {
    throw OptionError(
        fmt::format("--inference is for the losses squared, logistic and softmax, not for {}",
                    name(plan.loss)));
  }
  const std::int64_t width = data.feature_count() + (intercept ? 1 : 0);
  const std::int64_t groups = data.classifies() ? data.outputs() - 1 : 1;
  if (groups * width > most_coefficients) {
    throw OptionError(
        fmt::format("--inference takes at most {} coefficients, but there are {}: use fewer "
                    "columns with --features",
                    most_coefficients, groups * width));
  }
  if (!data.classifies() && weights.sum <= static_cast<double>(width)) {
    throw InputError(fmt::format(
        "--inference needs more rows than coefficients: {} rows (sum of weights {:g}) leave "
        "nothing to estimate the error of {} coefficients from",
        data.rows(), weights.sum, width));
  }
}

Inference infer(const InferenceInput& input, kernels::ThreadPool& pool,
                std::vector<std::string>& warnings) {
  Inference inference = Inferring(input, pool).run();
  add_warnings(inference, warnings);
  return inference;
}

}  // namespace steepest::train
