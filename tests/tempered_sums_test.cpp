// SPDX-License-Identifier: Apache-2.0
// The fused pass over classes against plain loops, at every level of vector instructions.
#include "kernels/tempered_sums.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/calibration_problems.hpp"
#include "tests/vector_levels.hpp"

namespace steepest::tests {
namespace {

using kernels::LogitRow;
using kernels::TemperedSums;

constexpr double infinity = std::numeric_limits<double>::infinity();

// What the contract says, in long double.
TemperedSums plain_sums(const std::vector<double>& row, double beta) {
  const double largest = *std::max_element(row.begin(), row.end());
  long double total = 0.0L;
  long double first = 0.0L;
  long double second = 0.0L;
  long double square = 0.0L;
  long double square_first = 0.0L;
  for (const double z : row) {
    if (z > -infinity) {
      const long double u = static_cast<long double>(beta) * (largest - z);
      const long double e = std::exp(-u);
      total += e;
      first += u * e;
      second += u * u * e;
      square += e * e;
      square_first += u * e * e;
    }
  }
  return {static_cast<double>(total), static_cast<double>(first), static_cast<double>(second),
          static_cast<double>(square), static_cast<double>(square_first)};
}

template <class T>
struct Rows {
  std::vector<T> logits;  // with a tail of what would be noticed
  std::int64_t rows;
  std::int64_t classes;

  Rows(std::int64_t row_count, std::int64_t class_count, double spread, double offset)
      : rows(row_count), classes(class_count) {
    for (std::int64_t i = 0; i < rows * classes; ++i) {
      const double u =
          split_mix(static_cast<std::uint64_t>(classes), static_cast<std::uint64_t>(i));
      logits.push_back(static_cast<T>(spread * (u - 0.5) + offset));
    }
    logits.resize(logits.size() + kernels::logits_tail, static_cast<T>(1e9));
  }

  [[nodiscard]] std::vector<double> row(std::int64_t r) const {
    return {logits.begin() + r * classes, logits.begin() + (r + 1) * classes};
  }

  void expect_sums(const std::vector<double>& betas, double accuracy) const {
    std::vector<LogitRow> looks(static_cast<std::size_t>(rows));
    std::vector<TemperedSums> sums(static_cast<std::size_t>(rows) * betas.size());
    kernels::tempered_sums<T>({logits.data(), rows, classes}, betas.data(),
                              static_cast<std::int64_t>(betas.size()), looks.data(), sums.data());
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::vector<double> z = row(r);
      const LogitRow& look = looks[static_cast<std::size_t>(r)];
      double gaps = 0.0;
      bool masked = false;
      for (const double value : z) {
        masked = masked || value == -infinity;
        gaps += value == -infinity ? 0.0 : look.largest - value;
      }
      EXPECT_EQ(look.plain, !masked);
      EXPECT_EQ(look.largest, *std::max_element(z.begin(), z.end()));
      EXPECT_NEAR(look.gap_sum, gaps, accuracy * gaps);
      for (std::size_t j = 0; j < betas.size(); ++j) {
        const TemperedSums expected = plain_sums(z, betas[j]);
        const TemperedSums& found = sums[static_cast<std::size_t>(r) * betas.size() + j];
        const double scale = accuracy * expected.total;
        EXPECT_NEAR(found.total, expected.total, scale);
        EXPECT_NEAR(found.first, expected.first, scale + accuracy * expected.first);
        EXPECT_NEAR(found.second, expected.second, scale + accuracy * expected.second);
        EXPECT_NEAR(found.square, expected.square, accuracy * expected.square);
        EXPECT_NEAR(found.square_first, expected.square_first,
                    accuracy * (expected.square + expected.square_first));
      }
    }
  }
};

constexpr std::int64_t class_counts[] = {2, 3, 5, 15, 16, 17, 31, 32, 33, 100, 1025, 5000};

TEST(TemperedSums, AgreeWithPlainLoops) {
  at_every_vector_level([] {
    for (const std::int64_t classes : class_counts) {
      SCOPED_TRACE(classes);
      Rows<float>(37, classes, 20.0, 0.0).expect_sums({0.25, 1.0, 3.5}, 1e-5);
      Rows<double>(37, classes, 20.0, 0.0).expect_sums({0.3, 1.0, 3.7, 40.0}, 1e-13);
    }
  });
}

TEST(TemperedSums, OffsetsAndScalesOfARowChangeNothing) {
  at_every_vector_level([] {
    for (const std::int64_t classes : {3, 33, 1000}) {
      Rows<float>(20, classes, 20.0, 1e4).expect_sums({1.0}, 1e-5);
      Rows<float>(20, classes, 20.0, -1e4).expect_sums({1.0}, 1e-5);
      Rows<float>(20, classes, 2e5, 0.0).expect_sums({1e-4F, 1.0}, 1e-5);
      Rows<float>(20, classes, 1e20, 0.0).expect_sums({1e-20F, 1.0}, 1e-5);
      Rows<double>(20, classes, 20.0, 1e12).expect_sums({1.0}, 1e-13);
    }
  });
}

TEST(TemperedSums, MaskedClassesAddNothing) {
  at_every_vector_level([] {
    for (const std::int64_t classes : {2, 9, 40, 700}) {
      Rows<float> rows(21, classes, 10.0, 5.0);
      for (std::int64_t r = 0; r < rows.rows; r += 2) {
        rows.logits[static_cast<std::size_t>(r * classes + r % classes)] =
            -std::numeric_limits<float>::infinity();
      }
      rows.expect_sums({1.0, 0.5}, 1e-5);
    }
  });
}

TEST(TemperedSums, RowsThatCannotBeUsedAreNotPlain) {
  at_every_vector_level([] {
    for (const double bad : {std::nan(""), infinity, -infinity, 2e30, -2e30}) {
      for (const std::int64_t classes : {2, 20, 67}) {
        Rows<float> rows(18, classes, 10.0, 0.0);
        const std::int64_t at = 7 * classes + classes - 1;
        rows.logits[static_cast<std::size_t>(at)] = static_cast<float>(bad);
        std::vector<LogitRow> looks(18);
        std::vector<TemperedSums> sums(18);
        const double beta = 1.0;
        kernels::tempered_sums<float>({rows.logits.data(), 18, classes}, &beta, 1, looks.data(),
                                      sums.data());
        for (std::size_t r = 0; r < looks.size(); ++r) {
          EXPECT_EQ(looks[r].plain, r != 7) << bad << " of " << classes;
        }
      }
    }
  });
}

}  // namespace
}  // namespace steepest::tests
