// SPDX-License-Identifier: Apache-2.0
// An emulated machine that every test finds as it was, and leaves empty.
#pragma once

#include <gtest/gtest.h>

#include "tests/cuda_emulation/emulation.hpp"

namespace steepest::tests {

/// Every test starts on the default machine and leaves nothing on it.
class Emulation : public testing::Test {
 protected:
  void SetUp() override { emulation::set_machine({}); }
  void TearDown() override {
    emulation::set_machine({});
    EXPECT_EQ(emulation::counts().bytes_held, 0);
  }
};

}  // namespace steepest::tests
