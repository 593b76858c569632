// SPDX-License-Identifier: Apache-2.0
// What steps tell the host arrives portion by portion, in order, while the next is on its way.
#include "kernels/step_reports.cuh"

#include <gtest/gtest.h>

#include "kernels/for_each_index.cuh"
#include "tests/cuda_emulation/emulation.hpp"
#include "tests/cuda_emulation/emulation_fixture.hpp"

namespace steepest::tests {
namespace {

using kernels::DeviceBuffer;
using kernels::ModelState;
using kernels::StepRecord;
using kernels::StepReports;

class EmulatedReports : public Emulation {};

constexpr std::int64_t models = 2;

// As steps from `first` on leave them, where the second model has ended before step 4.
struct WriteRecord {
  std::int64_t first;
  StepRecord* records;

  STEEPEST_HD void operator()(std::int64_t i) const {
    const std::int64_t step = first + i / models;
    if (i % models == 0 || step < 4) {
      records[i] = {step, 0.5 * static_cast<double>(step), {}};
    }
  }
};

struct WriteState {
  std::int64_t step;
  ModelState* states;

  STEEPEST_HD void operator()(std::int64_t model) const { states[model].step = step; }
};

void queue_portion(std::int64_t first, std::int64_t count, DeviceBuffer<ModelState>& states,
                   StepReports& reports, cudaStream_t stream) {
  reports.clear(count, stream);
  kernels::for_each_index("writing records", count * models, stream,
                          WriteRecord{first, reports.records()});
  kernels::for_each_index("writing states", models, stream,
                          WriteState{first + count, states.data()});
  reports.send(count, states.data(), stream);
}

TEST_F(EmulatedReports, ArriveInOrderWithTheStatesOfTheirTime) {
  const kernels::Stream stream;
  DeviceBuffer<ModelState> states(models, "states");
  StepReports reports(models, 3);
  std::vector<std::vector<StepRecord>> history(models);
  queue_portion(0, 3, states, reports, stream.get());
  queue_portion(3, 3, states, reports, stream.get());
  EXPECT_EQ(reports.on_their_way(), 2);
  const std::int64_t waits = emulation::counts().waits;
  EXPECT_EQ(reports.receive(history)[1].step, 3);
  EXPECT_EQ(history[0].size(), 3U);
  queue_portion(6, 1, states, reports, stream.get());
  EXPECT_EQ(reports.receive(history)[1].step, 6);
  EXPECT_EQ(reports.receive(history)[0].step, 7);
  EXPECT_EQ(reports.on_their_way(), 0);
  EXPECT_EQ(emulation::counts().waits - waits, 3);
  ASSERT_EQ(history[0].size(), 7U);
  ASSERT_EQ(history[1].size(), 4U);
  for (std::size_t step = 0; step < 7; ++step) {
    EXPECT_EQ(history[0][step].step, static_cast<std::int64_t>(step));
    EXPECT_EQ(history[0][step].learning_rate, 0.5 * static_cast<double>(step));
  }
  EXPECT_EQ(history[1].back().step, 3);
}

TEST_F(EmulatedReports, WhatIsForgottenDoesNotArrive) {
  const kernels::Stream stream;
  DeviceBuffer<ModelState> states(models, "states");
  StepReports reports(models, 2);
  std::vector<std::vector<StepRecord>> history(models);
  queue_portion(0, 2, states, reports, stream.get());
  reports.forget();
  queue_portion(2, 1, states, reports, stream.get());
  EXPECT_EQ(reports.receive(history)[0].step, 3);
  ASSERT_EQ(history[0].size(), 1U);
  EXPECT_EQ(history[0][0].step, 2);
}

TEST(EmulatedPortions, AreShortWherePassesAreLong) {
  EXPECT_EQ(kernels::steps_of_a_portion(1000), 64);
  EXPECT_EQ(kernels::steps_of_a_portion(std::int64_t{1} << 29), 4);
  EXPECT_EQ(kernels::steps_of_a_portion(std::int64_t{1} << 40), 1);
  EXPECT_EQ(kernels::portions_worth_ahead(std::int64_t{1} << 29), 1);
  EXPECT_EQ(kernels::portions_worth_ahead(std::int64_t{1} << 40), 0);
  EXPECT_EQ(kernels::steps_of_a_launch(1), 1024);
  EXPECT_EQ(kernels::steps_of_a_launch(std::int64_t{1} << 30), 1);
}

}  // namespace
}  // namespace steepest::tests
