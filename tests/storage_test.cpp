// SPDX-License-Identifier: Apache-2.0
// Features held in fewer bits: what is lost, which is nothing for bytes, and what is refused.
#include "steepest/storage.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/packed_rows.hpp"
#include "steepest/error.hpp"
#include "steepest/fit.hpp"
#include "tests/thrown.hpp"
#include "tests/vector_levels.hpp"

namespace steepest::tests {
namespace {

using kernels::PackedRows;

kernels::ColumnScales scales_of(std::size_t columns, bool bytes) {
  std::vector<double> mean;
  std::vector<double> scale;
  for (std::size_t j = 0; j < columns; ++j) {
    mean.push_back(kernels::byte_mean(100.1 + static_cast<double>(j)));
    scale.push_back(kernels::byte_scale(3.3 + 0.7 * static_cast<double>(j)));
  }
  return {mean, scale, bytes};
}

FeatureMatrix random_bytes(std::int64_t rows, std::int64_t columns) {
  std::mt19937 random(5);
  FeatureMatrix features(rows, columns);
  std::generate_n(features.data(), rows * columns,
                  [&] { return static_cast<float>(random() % 256); });
  return features;
}

TEST(Bfloat16, RoundsToTheNearestHalvesToEven) {
  EXPECT_EQ(kernels::from_bfloat16(kernels::to_bfloat16(1.0F)), 1.0F);
  EXPECT_EQ(kernels::from_bfloat16(kernels::to_bfloat16(1.0F + 0x1p-8F)), 1.0F);
  EXPECT_EQ(kernels::from_bfloat16(kernels::to_bfloat16(1.0F + 0x1.8p-8F)), 1.0F + 0x1p-7F);
  EXPECT_EQ(kernels::from_bfloat16(kernels::to_bfloat16(1.0F + 0x3p-8F)), 1.0F + 0x1p-6F);
  EXPECT_EQ(kernels::from_bfloat16(kernels::to_bfloat16(-3.14159F)), -3.140625F);
  for (std::uint32_t bits = 0; bits < 0x7f80; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    EXPECT_EQ(kernels::to_bfloat16(kernels::from_bfloat16(half)), half);
  }
}

TEST(PackedRows, BytesUnpackToTheBitsOfStandardizedFloats) {
  kernels::ThreadPool pool(2);
  for (const std::int64_t columns : {1, 7, 16, 50, 129}) {
    const FeatureMatrix features = random_bytes(2500, columns);
    const kernels::ColumnScales scales = scales_of(static_cast<std::size_t>(columns), true);
    const PackedRows packed = PackedRows::of_bytes(features, pool);
    at_every_vector_level([&] {
      const std::int64_t indexes[] = {2499, 0, 17, 17, 1024, 2048, 3};
      const std::int64_t pitch = columns + 3;
      std::vector<float> found(static_cast<std::size_t>(7 * pitch), -1.0F);
      packed.unpack(indexes, 7, scales, pitch, found.data());
      std::vector<float> wanted(static_cast<std::size_t>(columns));
      for (std::size_t r = 0; r < 7; ++r) {
        kernels::standardize_rows(features.row(indexes[r]), 1, scales, wanted.data());
        for (std::int64_t j = 0; j < columns; ++j) {
          const auto column = static_cast<std::size_t>(j);
          const float value = features.row(indexes[r])[j];
          EXPECT_EQ(wanted[column], kernels::standardized_byte(value, scales.byte_mean[column],
                                                               scales.byte_inverse[column]));
          EXPECT_EQ(found[r * static_cast<std::size_t>(pitch) + column], wanted[column]);
        }
        EXPECT_EQ(found[(r + 1) * static_cast<std::size_t>(pitch) - 1], -1.0F);
      }
    });
  }
}

TEST(PackedRows, Bfloat16UnpacksToRoundedStandardizedFloats) {
  kernels::ThreadPool pool(2);
  const std::int64_t columns = 37;
  const FeatureMatrix features = random_bytes(1500, columns);
  const kernels::ColumnScales scales = scales_of(static_cast<std::size_t>(columns), false);
  const PackedRows packed = PackedRows::of_bfloat16(features, scales, pool);
  at_every_vector_level([&] {
    const std::int64_t indexes[] = {1499, 2, 1024};
    std::vector<float> found(3 * columns);
    packed.unpack(indexes, 3, scales, columns, found.data());
    std::vector<float> wanted(columns);
    for (std::size_t r = 0; r < 3; ++r) {
      kernels::standardize_rows(features.row(indexes[r]), 1, scales, wanted.data());
      for (std::size_t j = 0; j < columns; ++j) {
        const float rounded = kernels::from_bfloat16(kernels::to_bfloat16(wanted[j]));
        EXPECT_EQ(found[r * columns + j], rounded);
        EXPECT_NEAR(rounded, wanted[j], 0x1p-8 * std::fabs(wanted[j]));
      }
    }
  });
}

// Classes that depend on the features, one of them weakly.
Dataset classified_bytes(bool with_fraction) {
  Dataset data;
  data.features = random_bytes(2000, 5);
  std::mt19937 random(9);
  for (std::int64_t i = 0; i < 2000; ++i) {
    const float* const row = data.features.row(i);
    const double noise = static_cast<double>(random() % 200);
    const double score = row[0] - 0.5 * row[1] + 0.1 * row[2] + noise;
    data.labels.push_back(score > 230 ? 2 : score > 100 ? 1 : 0);
  }
  for (int j = 0; j < 5; ++j) {
    data.schema.columns.push_back({fmt::format("x{}", j), ColumnKind::numeric, {}, {}});
  }
  data.schema.target_names = {"y"};
  data.schema.classes = {"a", "b", "c"};
  if (with_fraction) {
    data.features.row(1203)[3] = 7.5F;
  }
  return data;
}

FitOptions options_for(Storage storage) {
  FitOptions options;
  options.device.kind = DeviceChoice::Kind::cpu;
  options.storage = storage;
  options.threads = 2;
  return options;
}

TEST(StorageOfFits, BytesGiveTheBitsOfFloats) {
  for (const std::int64_t batch : {0, 50}) {
    for (const Precision precision : {Precision::fp64, Precision::fp32}) {
      FitOptions options = options_for(Storage::float32);
      options.batch_size = batch;
      options.epochs = batch == 0 ? 0 : 3;
      options.precision = precision;
      const FitResult wanted = fit(classified_bytes(false), options);
      EXPECT_EQ(wanted.storage, Storage::float32);
      for (const Storage storage : {Storage::automatic, Storage::uint8}) {
        options.storage = storage;
        const FitResult found = fit(classified_bytes(false), options);
        EXPECT_EQ(found.storage, storage == Storage::uint8 ? Storage::uint8 : Storage::float32);
        EXPECT_EQ(found.model.coefficients, wanted.model.coefficients);
        EXPECT_EQ(found.model.intercept, wanted.model.intercept);
        EXPECT_EQ(found.at.mean_loss, wanted.at.mean_loss);
        EXPECT_EQ(found.softmax->log_loss, wanted.softmax->log_loss);
      }
    }
  }
}

TEST(StorageOfFits, AFractionKeepsFloats) {
  EXPECT_EQ(fit(classified_bytes(true), options_for(Storage::automatic)).storage, Storage::float32);
  EXPECT_EQ(thrown_message<OptionError>([] {
              static_cast<void>(fit(classified_bytes(true), options_for(Storage::uint8)));
            }),
            "--storage uint8 needs whole numbers from 0 to 255, but column \"x3\" has others");
}

TEST(StorageOfFits, Bfloat16FitsTheRoundedRows) {
  const FitResult exact = fit(classified_bytes(true), options_for(Storage::float32));
  const FitResult rounded = fit(classified_bytes(true), options_for(Storage::bfloat16));
  EXPECT_EQ(rounded.storage, Storage::bfloat16);
  EXPECT_TRUE(rounded.termination.converged());
  EXPECT_NEAR(rounded.at.objective(), exact.at.objective(), 1e-3 * exact.at.objective());
  EXPECT_NE(rounded.at.objective(), exact.at.objective());
}

TEST(StorageOfFits, NamesGoBothWays) {
  for (const char* text : {"auto", "float32", "bfloat16", "uint8"}) {
    EXPECT_EQ(name(parse_storage(text)), text);
  }
  EXPECT_EQ(thrown_message<OptionError>([] { static_cast<void>(parse_storage("int8")); }),
            "storage \"int8\" is not known: use auto, float32, bfloat16 or uint8");
}

}  // namespace
}  // namespace steepest::tests
