// SPDX-License-Identifier: Apache-2.0
// A class's weight is a sample weight of its rows, and a weight of k is k copies: for every loss,
// rule and backend.
#include "steepest/class_weights.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>
#include <string>
#include <string_view>

#include "steepest/error.hpp"
#include "steepest/fit.hpp"
#include "tests/backends.hpp"
#include "tests/problems.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

class WeightedFit : public OnEveryBackend {};

constexpr std::int64_t features = 3;

// 90 rows; numbers or 2 or 3 classes, unbalanced.
Dataset problem_for(const RowLoss& loss) {
  Dataset data;
  const std::int64_t outputs = std::holds_alternative<SoftmaxLoss>(loss) ? 3 : 2;
  kernels::TrainingData rows =
      random_data_for(loss, {90, features, classifies(loss) ? outputs : 1}, 5);
  data.features = std::move(rows.features);
  data.targets = std::move(rows.targets);
  data.labels = std::move(rows.labels);
  for (std::size_t i = 0; i < data.labels.size(); i += 3) {
    data.labels[i] = 0;
  }
  data.schema.columns.resize(features);
  for (std::int64_t j = 0; j < features; ++j) {
    data.schema.columns[static_cast<std::size_t>(j)].name = std::to_string(j);
  }
  data.schema.target_names = {"y"};
  for (std::int64_t c = 0; classifies(loss) && c < outputs; ++c) {
    data.schema.classes.push_back(std::string(1, static_cast<char>('a' + c)));
  }
  return data;
}

// Row i as often as weights[i] says.
Dataset copies_of(const Dataset& data, const std::vector<double>& weights) {
  Dataset copied;
  copied.schema = data.schema;
  copied.features = FeatureMatrix(0, features);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    for (int copy = 0; copy < static_cast<int>(weights[i]); ++copy) {
      std::copy_n(data.features.row(static_cast<std::int64_t>(i)), features,
                  copied.features.append_row());
      if (data.labels.empty()) {
        copied.targets.push_back(data.targets[i]);
      } else {
        copied.labels.push_back(data.labels[i]);
      }
    }
  }
  return copied;
}

void expect_same_fit(const FitResult& a, const FitResult& b, double tolerance, double loss) {
  ASSERT_EQ(a.model.coefficients.size(), b.model.coefficients.size());
  for (std::size_t j = 0; j < a.model.coefficients.size(); ++j) {
    EXPECT_NEAR(a.model.coefficients[j], b.model.coefficients[j],
                tolerance * (1 + std::fabs(b.model.coefficients[j])));
  }
  EXPECT_NEAR(a.at.objective(), b.at.objective(), loss * (1 + b.at.objective()));
  EXPECT_NEAR(a.tolerances.gradient, b.tolerances.gradient, 1e-6 * b.tolerances.gradient);
  if (a.linear) {
    EXPECT_NEAR(a.linear->mse, b.linear->mse, tolerance * (1 + b.linear->mse));
    EXPECT_NEAR(a.linear->mae, b.linear->mae, tolerance * (1 + b.linear->mae));
  } else {
    EXPECT_NEAR(a.softmax->log_loss, b.softmax->log_loss, tolerance);
    EXPECT_NEAR(a.softmax->brier, b.softmax->brier, tolerance);
    EXPECT_NEAR(a.softmax->accuracy, b.softmax->accuracy, 1e-9);
  }
}

// Every update rule there is.
const char* const every_rule[] = {"gradient", "momentum:0.5", "nesterov:0.5",  "accelerated",
                                  "lbfgs",    "adagrad",      "rmsprop",       "adam",
                                  "adamw",    "averaged",     "schedule_free", "newton"};

bool is_for(const UpdateRule& rule, const RowLoss& loss, DeviceKind device) {
  const bool on_cpu_only = finds_length(rule.kind);
  const bool bends = !std::holds_alternative<QuantileLoss>(loss);  // Newton's method needs it
  return (!on_cpu_only || device == DeviceKind::cpu) && (rule.kind != RuleKind::newton || bends);
}

// The fit left to itself, and a few steps by every rule: the way, not only the end, is the same.
std::vector<FitOptions> ways(const FitOptions& base, const RowLoss& loss, DeviceKind device) {
  std::vector<FitOptions> all = {base};
  const bool smooth = !std::holds_alternative<QuantileLoss>(loss);
  for (const char* const name : every_rule) {
    FitOptions options = base;
    options.rule = parse_rule(name);
    if (!is_for(*options.rule, loss, device)) {
      continue;
    }
    if (!finds_length(options.rule->kind)) {
      options.learning_rate = smooth ? 0.1 : 0.01;
    }
    // These make a step of any gradient, also of one that is rounding: the intercept's at centred
    // targets and features.
    options.intercept = !is_adaptive(options.rule->kind);
    options.epochs = 20;
    options.tolerance_gradient = 1e-12;
    all.push_back(options);
  }
  return all;
}

TEST(Weights, AreTriedUnderEveryRule) {
  std::set<std::string> tried;
  for (const char* const name : every_rule) {
    tried.insert(std::string(name).substr(0, std::string(name).find(':')));
  }
  for (const std::string_view known : rule_names()) {
    EXPECT_EQ(tried.erase(std::string(known.substr(0, known.find(':')))), 1U) << known;
  }
  EXPECT_TRUE(tried.empty());
}

TEST_P(WeightedFit, AWeightOfKEqualsKCopies) {
  for (const RowLoss& loss : every_loss()) {
    std::vector<double> weights;
    for (int i = 0; i < 90; ++i) {
      weights.push_back(i % 4);
    }
    FitOptions base = fit_options();
    base.loss = loss;
    base.l2 = 0.05;
    if (const auto* const softmax = std::get_if<SoftmaxLoss>(&loss)) {
      base.label_smoothing = softmax->smoothing;
    } else if (const auto* const logistic = std::get_if<LogisticLoss>(&loss)) {
      base.label_smoothing = logistic->smoothing;
    }
    for (const FitOptions& options : ways(base, loss, GetParam().kind)) {
      Dataset weighted = problem_for(loss);
      weighted.weights = weights;
      const FitResult a = fit(std::move(weighted), options);
      const FitResult b = fit(copies_of(problem_for(loss), weights), options);
      SCOPED_TRACE(to_string(loss) + " " + to_string(a.rule));
      expect_same_fit(a, b, tolerance(1e-5, 1e-3), tolerance(1e-9, 1e-5));
    }
  }
}

TEST_P(WeightedFit, AClassWeightIsTheSampleWeightOfItsRows) {
  for (const RowLoss& loss : every_loss()) {
    if (!classifies(loss)) {
      continue;
    }
    FitOptions base = fit_options();
    base.loss = loss;
    base.l2 = 0.05;
    for (const FitOptions& options : ways(base, loss, GetParam().kind)) {
      Dataset data = problem_for(loss);
      const std::vector<double> classes = data.schema.classes.size() == 2
                                              ? std::vector<double>{1.0, 3.0}
                                              : std::vector<double>{1.0, 3.0, 0.5};
      Dataset by_hand = problem_for(loss);
      for (int i = 0; i < 90; ++i) {
        data.weights.push_back(1.0 + i % 2);
        by_hand.weights.push_back(
            (1.0 + i % 2) *
            classes[static_cast<std::size_t>(data.labels[static_cast<std::size_t>(i)])]);
      }
      const FitResult a =
          fit(weigh_classes(std::make_shared<DatasetRows>(std::move(data)), classes), options);
      const FitResult b = fit(std::move(by_hand), options);
      EXPECT_EQ(a.model.coefficients, b.model.coefficients) << to_string(a.rule);
      EXPECT_EQ(a.at.objective(), b.at.objective());
      EXPECT_EQ(a.softmax->accuracy, b.softmax->accuracy);
    }
  }
}

// A source that is not in memory.
class Streamed final : public RowSource {
 public:
  explicit Streamed(Dataset data) : rows_(std::move(data)) {}
  [[nodiscard]] const Schema& schema() const override { return rows_.schema(); }
  [[nodiscard]] std::int64_t rows() const override { return rows_.rows(); }
  [[nodiscard]] std::int64_t feature_count() const override { return rows_.feature_count(); }
  [[nodiscard]] bool has_weights() const override { return rows_.has_weights(); }
  const float* features(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override {
    return rows_.features(first, count, buffer);
  }
  const double* targets(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override {
    return rows_.targets(first, count, buffer);
  }
  const std::int32_t* labels(std::int64_t first, std::int64_t count,
                             RowBuffer& buffer) const override {
    return rows_.labels(first, count, buffer);
  }
  const double* weights(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override {
    return rows_.weights(first, count, buffer);
  }

 private:
  DatasetRows rows_;
};

TEST(ClassWeights, ReachRowsThatAreStreamed) {
  const std::vector<double> classes = {0.5, 2.0, 1.0};
  FitOptions options;
  options.device.kind = DeviceChoice::Kind::cpu;
  const FitResult held = fit(
      weigh_classes(std::make_shared<DatasetRows>(problem_for(SoftmaxLoss{})), classes), options);
  const FitResult streamed =
      fit(weigh_classes(std::make_shared<Streamed>(problem_for(SoftmaxLoss{})), classes), options);
  EXPECT_EQ(held.model.coefficients, streamed.model.coefficients);
  EXPECT_EQ(held.softmax->log_loss, streamed.softmax->log_loss);
}

// scikit-learn's compute_class_weight("balanced"): n / (C n_c), n and n_c sums of sample weights.
TEST(ClassWeights, BalancedMakesEveryClassCountAlike) {
  Dataset data = problem_for(SoftmaxLoss{});
  for (int i = 0; i < 90; ++i) {
    data.weights.push_back(1.0 + i % 3);
  }
  const std::vector<double> weights = balanced_class_weights(DatasetRows(std::move(data)));
  Dataset again = problem_for(SoftmaxLoss{});
  std::vector<double> sums(3, 0.0);
  double total = 0.0;
  for (std::size_t i = 0; i < 90; ++i) {
    const double weight = 1.0 + static_cast<double>(i % 3);
    sums[static_cast<std::size_t>(again.labels[i])] += weight;
    total += weight;
  }
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_DOUBLE_EQ(weights[c] * sums[c], total / 3.0);
  }
}

TEST(ClassWeights, FileIsReadWithCare) {
  const TemporaryFolder folder;
  const std::vector<std::string> classes = {"a", "b,c", "d \"e\""};
  const auto read = [&](const std::string& text) {
    return read_class_weights(folder.write("w.csv", text), classes);
  };
  const std::vector<double> expected = {1.0, 2.5, 0.0};
  EXPECT_EQ(read("class,weight\na,1\n\"b,c\",2.5\n\"d \"\"e\"\"\",0\n"), expected);
  EXPECT_EQ(read("\"d \"\"e\"\"\",0\r\n\r\n\"b,c\" , 2.5\r\na,1"), expected);
  const auto message = [&](const std::string& text) {
    return thrown_message<InputError>([&] { return read(text); });
  };
  EXPECT_NE(message("a,1\n\"b,c\",2\n").find("d \"e\""), std::string::npos);
  EXPECT_NE(message("a,1\nx,2\n").find(":2"), std::string::npos);
  EXPECT_NE(message("a,1\nx,2\n").find("\"x\""), std::string::npos);
  EXPECT_NE(message("a,1\na,2\n").find("already"), std::string::npos);
  EXPECT_NE(message("a,1\n\"b,c\",-2\n").find("0 or more"), std::string::npos);
  EXPECT_NE(message("a,1\n\"b,c\",nan\n").find("0 or more"), std::string::npos);
  EXPECT_NE(message("a;1\n").find("class,weight"), std::string::npos);
  EXPECT_NE(message("").find("class,weight"), std::string::npos);
  EXPECT_THROW(static_cast<void>(read_class_weights(folder.path("none.csv"), classes)), InputError);
}

TEST(ClassWeights, AreForClasses) {
  EXPECT_THROW(static_cast<void>(
                   weigh_classes(std::make_shared<DatasetRows>(problem_for(SquaredLoss{})), {1.0})),
               OptionError);
  Dataset empty_class = problem_for(SoftmaxLoss{});
  empty_class.schema.classes.emplace_back("z");
  EXPECT_THROW(static_cast<void>(balanced_class_weights(DatasetRows(std::move(empty_class)))),
               InputError);
}

INSTANTIATE_TEST_SUITE_P(Backends, WeightedFit, testing::ValuesIn(backend_cases()),
                         backend_case_name);

}  // namespace
}  // namespace steepest::tests
