// SPDX-License-Identifier: Apache-2.0
// A fit of rows read from files as needed is the fit of rows in memory, to the bit.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/row_feed.hpp"
#include "steepest/error.hpp"
#include "steepest/fit.hpp"
#include "steepest/split.hpp"
#include "tests/backends.hpp"
#include "tests/problems.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

// Hands out copies of a data set's rows, as files would.
class CopiedRows final : public RowSource {
 public:
  explicit CopiedRows(const Dataset& data) : data_(data) {}
  [[nodiscard]] const Schema& schema() const override { return data_.schema; }
  [[nodiscard]] std::int64_t rows() const override { return data_.rows(); }
  [[nodiscard]] std::int64_t feature_count() const override { return data_.features.columns(); }
  [[nodiscard]] bool has_weights() const override { return !data_.weights.empty(); }
  const float* features(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override {
    const float* const begin = data_.features.row(first);
    buffer.features.assign(begin, begin + count * feature_count());
    buffer.features.resize(buffer.features.size() + FeatureMatrix::tail, NAN);
    return buffer.features.data();
  }
  const double* targets(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override {
    return copy(data_.targets, first * outputs(), count * outputs(), buffer.targets);
  }
  const std::int32_t* labels(std::int64_t first, std::int64_t count,
                             RowBuffer& buffer) const override {
    return copy(data_.labels, first, count, buffer.labels);
  }
  const double* weights(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override {
    return copy(data_.weights, first, count, buffer.weights);
  }

 private:
  template <class T>
  static const T* copy(const std::vector<T>& from, std::int64_t first, std::int64_t count,
                       std::vector<T>& to) {
    if (from.empty()) {
      return nullptr;
    }
    to.assign(from.begin() + first, from.begin() + first + count);
    return to.data();
  }

  const Dataset& data_;
};

struct Case {
  const char* name;
  RowLoss loss;
  std::int64_t outputs;
  bool weighted;
  std::int64_t batch_size;
  std::int64_t rows = 6000;
  bool bytes = false;  // features are whole numbers from 0 to 255
};

Dataset data_for(const Case& chosen) {
  kernels::TrainingData random =
      random_data({chosen.rows, 9, chosen.outputs, chosen.weighted}, classifies(chosen.loss), 17);
  Dataset data;
  data.features = std::move(random.features);
  const std::int64_t elements = data.features.rows() * data.features.columns();
  for (std::int64_t e = 0; chosen.bytes && e < elements; ++e) {
    float& value = data.features.data()[e];
    value = std::clamp(std::round(128.0F + 40.0F * value), 0.0F, 255.0F);
  }
  data.targets = classifies(chosen.loss) ? std::vector<double>() : std::move(random.targets);
  data.labels = classifies(chosen.loss) ? std::move(random.labels) : std::vector<std::int32_t>();
  data.weights = std::move(random.weights);
  for (std::int64_t j = 0; j < data.features.columns(); ++j) {
    data.schema.columns.push_back({fmt::format("x{}", j), ColumnKind::numeric, {}, {}});
  }
  const std::int64_t names = classifies(chosen.loss) ? 1 : chosen.outputs;
  for (std::int64_t o = 0; o < names; ++o) {
    data.schema.target_names.push_back(fmt::format("y{}", o));
  }
  for (std::int64_t c = 0; classifies(chosen.loss) && c < chosen.outputs; ++c) {
    data.schema.classes.push_back(fmt::format("c{}", c));
  }
  return data;
}

const std::vector<Case>& cases() {
  constexpr std::int64_t full = 0;
  static const std::vector<Case> all = {
      {"squared", SquaredLoss{}, 1, false, full},
      {"squared, 3 outputs", SquaredLoss{}, 3, true, full},
      {"huber, 3 outputs", HuberLoss{0.7}, 3, true, full},
      {"quantile", QuantileLoss{0.3}, 2, true, full},
      {"quantile, batches", QuantileLoss{0.3}, 1, true, 64},
      {"softmax", SoftmaxLoss{}, 4, false, full},
      {"logistic", LogisticLoss{}, 2, true, full},
      {"squared, batches", SquaredLoss{}, 1, true, 64},
      {"softmax, batches", SoftmaxLoss{}, 3, false, 1000},
      {"softmax of bytes", SoftmaxLoss{}, 3, true, full, 3000, true},
      {"squared of bytes, batches", SquaredLoss{}, 1, false, 100, 3000, true}};
  return all;
}

class StreamedFit : public OnEveryBackend {};

TEST_P(StreamedFit, IsTheFitInMemoryToTheBit) {
  for (const Case& chosen : cases()) {
    SCOPED_TRACE(chosen.name);
    const Dataset data = data_for(chosen);
    FitOptions options = fit_options();
    options.loss = chosen.loss;
    options.batch_size = chosen.batch_size;
    options.epochs = chosen.batch_size > 0 ? 3 : 0;
    options.threads = 2;
    const bool as_bytes = chosen.bytes && GetParam().kind == DeviceKind::cpu;
    options.storage = as_bytes ? Storage::uint8 : Storage::automatic;
    const FitResult expected = fit(data_for(chosen), options);
    EXPECT_EQ(expected.storage, as_bytes ? Storage::uint8 : Storage::float32);
    options.storage = Storage::automatic;
    // All of an epoch in one window; several windows; no window at all.
    for (const std::int64_t bytes : {1 << 24, 1 << 17, 1 << 10}) {
      options.memory_bytes = bytes;
      const FitResult found = fit(std::make_shared<CopiedRows>(data), options);
      EXPECT_EQ(found.model.coefficients, expected.model.coefficients) << bytes;
      EXPECT_EQ(found.model.intercept, expected.model.intercept);
      EXPECT_EQ(found.steps, expected.steps);
      EXPECT_EQ(found.at.mean_loss, expected.at.mean_loss);
      if (expected.linear) {
        EXPECT_EQ(found.linear->mse, expected.linear->mse);
      } else {
        EXPECT_EQ(found.softmax->log_loss, expected.softmax->log_loss);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, StreamedFit, testing::ValuesIn(backend_cases()),
                         backend_case_name);

// Enough rows that a shuffle keeps neighbours together.
TEST(StreamedFitOfManyRows, IsTheFitInMemoryToTheBitInGroupsAndRowByRow) {
  const Case chosen{"squared, batches", SquaredLoss{}, 1, true, 100, 64'003};
  const Dataset data = data_for(chosen);
  FitOptions options;
  options.device.kind = DeviceChoice::Kind::cpu;
  options.loss = chosen.loss;
  options.batch_size = chosen.batch_size;
  options.epochs = 2;
  options.threads = 2;
  std::vector<double> in_groups;
  for (const bool row_by_row : {false, true}) {
    options.shuffle_rows = row_by_row;
    const FitResult expected = fit(data_for(chosen), options);
    for (const std::int64_t bytes : {1 << 24, 1 << 20}) {
      options.memory_bytes = bytes;
      const FitResult found = fit(std::make_shared<CopiedRows>(data), options);
      EXPECT_EQ(found.model.coefficients, expected.model.coefficients) << bytes;
      EXPECT_EQ(found.at.mean_loss, expected.at.mean_loss);
    }
    if (row_by_row) {
      EXPECT_NE(expected.model.coefficients, in_groups);
    }
    in_groups = expected.model.coefficients;
  }
}

TEST(FitWeights, ThatAreAllZeroAreRefused) {
  Dataset data = data_for(cases()[1]);
  std::fill(data.weights.begin(), data.weights.end(), 0.0);
  FitOptions options;
  options.device.kind = DeviceChoice::Kind::cpu;
  const std::string said =
      thrown_message<InputError>([&] { return fit(std::move(data), options); });
  EXPECT_NE(said.find("at least one must be positive"), std::string::npos) << said;
}

TEST(RowOrder, KnowsThePositionOfEveryRow) {
  for (const std::int64_t n : {1, 2, 3, 7, 64, 1000, 4097}) {
    const RowOrder order(n, 42, 3);
    for (std::int64_t position = 0; position < n; ++position) {
      ASSERT_EQ(order.position_of(order(position)), position) << n;
    }
  }
}

}  // namespace
}  // namespace steepest::tests
