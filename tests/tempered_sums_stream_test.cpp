// SPDX-License-Identifier: Apache-2.0
// Sums over classes on a GPU against the CPU's, tile by tile and as whole calibrations.
#include "kernels/tempered_sums_stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/backend.hpp"
#include "steepest/calibrate.hpp"
#include "steepest/error.hpp"
#include "tests/calibration_problems.hpp"

namespace steepest::tests {
namespace {

using kernels::LogitRow;
using kernels::TemperedSums;
using kernels::TemperedSumsStream;

class CudaCalibration : public testing::Test {
 protected:
  void SetUp() override {
    const DeviceInfo device = kernels::describe_cuda_devices().front();
    if (!device.usable) {
      GTEST_SKIP() << "no CUDA device: " << device.problem;
    }
  }
};

// Rows [first, first + rows) of a slot, filled with numbers of a spread, some masked or unusable.
template <class T>
void fill(T* logits, std::int64_t rows, std::int64_t classes, std::uint64_t seed) {
  for (std::int64_t i = 0; i < rows * classes; ++i) {
    logits[i] = static_cast<T>(20.0 * split_mix(seed, static_cast<std::uint64_t>(i)) + 5.0);
  }
  logits[classes / 2] = -std::numeric_limits<T>::infinity();
  logits[(rows - 1) * classes] = std::numeric_limits<T>::quiet_NaN();
}

void expect_near(const TemperedSums& found, const TemperedSums& expected, double accuracy) {
  for (const auto member : {&TemperedSums::total, &TemperedSums::first, &TemperedSums::second,
                            &TemperedSums::square, &TemperedSums::square_first}) {
    EXPECT_NEAR(found.*member, expected.*member, accuracy * (expected.total + expected.*member));
  }
}

// Two tiles in flight, of different sizes.
template <class T>
void expect_sums_of_the_cpu(std::int64_t classes, double accuracy) {
  const std::vector<double> betas = {0.25, 1.0, 3.5};
  const std::int64_t rows[] = {37, 23};
  const auto stream = kernels::make_cuda_tempered_sums<T>(0, {37, classes, betas.data(), 3});
  for (int turn = 0; turn < 2; ++turn) {
    for (int slot = 0; slot < TemperedSumsStream<T>::slots; ++slot) {
      fill(stream->slot(slot).logits, rows[slot], classes,
           static_cast<std::uint64_t>(10 * turn + slot + 1));
      stream->start(slot, rows[slot]);
    }
    for (int slot = 0; slot < TemperedSumsStream<T>::slots; ++slot) {
      stream->finish(slot);
      const std::int64_t n = rows[slot];
      std::vector<T> logits(static_cast<std::size_t>(n * classes + kernels::logits_tail));
      fill(logits.data(), n, classes, static_cast<std::uint64_t>(10 * turn + slot + 1));
      std::vector<LogitRow> looks(static_cast<std::size_t>(n));
      std::vector<TemperedSums> sums(static_cast<std::size_t>(n) * betas.size());
      kernels::tempered_sums<T>({logits.data(), n, classes}, betas.data(), 3, looks.data(),
                                sums.data());
      const auto found = stream->slot(slot);
      for (std::int64_t r = 0; r < n; ++r) {
        const auto at = static_cast<std::size_t>(r);
        EXPECT_EQ(found.looks[r].plain, looks[at].plain) << r;
        if (r == n - 1) {
          continue;  // it holds NaN
        }
        EXPECT_EQ(found.looks[r].largest, looks[at].largest);
        EXPECT_NEAR(found.looks[r].gap_sum, looks[at].gap_sum, accuracy * looks[at].gap_sum);
        for (std::size_t j = 0; j < betas.size(); ++j) {
          expect_near(found.sums[at * betas.size() + j], sums[at * betas.size() + j], accuracy);
        }
      }
    }
  }
}

TEST_F(CudaCalibration, SumsAreThoseOfTheCpu) {
  for (const std::int64_t classes : {2, 10, 127, 128, 129, 1000}) {
    SCOPED_TRACE(classes);
    expect_sums_of_the_cpu<float>(classes, 1e-5);
    expect_sums_of_the_cpu<double>(classes, 1e-12);
  }
}

CalibrationOptions on(DeviceChoice::Kind kind) {
  CalibrationOptions options;
  options.threads = 2;
  options.storage = {1, "/tmp"};
  options.device.kind = kind;
  return options;
}

TEST_F(CudaCalibration, FindsTheTemperatureOfTheCpu) {
  for (const bool as_file : {false, true}) {
    for (const bool as_floats : {false, true}) {
      TestLogits rows = random_logits(91, 700, 20, 1.7);
      rows.as_file = as_file;
      rows.as_floats = as_floats;
      const Calibration cpu = calibrate_temperature(rows, on(DeviceChoice::Kind::cpu));
      const Calibration cuda = calibrate_temperature(rows, on(DeviceChoice::Kind::cuda));
      EXPECT_EQ(cuda.device.kind, DeviceKind::cuda);
      EXPECT_EQ(cuda.status, CalibrationStatus::solved);
      EXPECT_EQ(cuda.reads, cpu.reads);
      EXPECT_EQ(cuda.rows, cpu.rows);
      const double accuracy = as_floats ? 1e-6 : 1e-9;
      EXPECT_NEAR(cuda.temperature, cpu.temperature, accuracy * cpu.temperature);
      EXPECT_NEAR(cuda.after->nll, cpu.after->nll, accuracy);
      EXPECT_NEAR(cuda.after->brier, cpu.after->brier, 1e-6);
      EXPECT_NEAR(cuda.after->ece, cpu.after->ece, 1e-5);
      EXPECT_EQ(cuda.after->accuracy, cpu.after->accuracy);
    }
  }
}

TEST_F(CudaCalibration, GivesTheSameBitsAgain) {
  TestLogits rows = random_logits(17, 400, 33, 0.8);
  rows.as_file = true;
  const Calibration once = calibrate_temperature(rows, on(DeviceChoice::Kind::cuda));
  CalibrationOptions options = on(DeviceChoice::Kind::cuda);
  options.threads = 1;
  const Calibration again = calibrate_temperature(rows, options);
  EXPECT_EQ(once.temperature, again.temperature);
  EXPECT_EQ(once.after->ece, again.after->ece);
}

TEST(CalibrateOnADevice, IsAnErrorWhereThereIsNone) {
  if (kernels::describe_cuda_devices().front().usable) {
    GTEST_SKIP() << "there is a CUDA device";
  }
  const TestLogits rows = random_logits(1, 50, 3, 1.0);
  EXPECT_THROW((void)calibrate_temperature(rows, on(DeviceChoice::Kind::cuda)), DeviceError);
}

}  // namespace
}  // namespace steepest::tests
