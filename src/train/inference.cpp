// SPDX-License-Identifier: Apache-2.0
#include "src/train/inference.hpp"

#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <utility>

#include "src/data/excerpt.hpp"
#include "src/train/information.hpp"
#include "src/train/inverse_information.hpp"
#include "steepest/error.hpp"

namespace steepest::train {
namespace {

constexpr std::int64_t most_coefficients = 5000;

// Distances from the optimum, in standard errors: nothing to gain below, and where Newton's method
// is known to converge.
constexpr double settled = 1e-9;
constexpr double newton_converges = 1.0;

constexpr double rounding = 1e-13;  // of squares of targets, by features that are float32

// A standard error of a deviation's log odds that no finite sample of classes that overlap has.
constexpr double boundless_log_odds = 20.0;

constexpr double tail = 0.025;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

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
                    InverseInformation::most_eigenvectors));
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
