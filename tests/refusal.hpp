// SPDX-License-Identifier: Apache-2.0
// Options that fit refuses: exit code 3, one sentence, nothing written.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/run_command.hpp"

namespace steepest::tests {

struct Refusal {
  std::string name;
  std::string options;
  std::string said;  ///< among other things
};

inline std::string name_of_refusal(const testing::TestParamInfo<Refusal>& one) {
  return one.param.name;
}

inline void expect_refused(const Refusal& refusal) {
  const TemporaryFolder folder;
  const CommandRun run =
      run_command(folder, "fit " + std::string(STEEPEST_SOURCE_FOLDER) +
                              "/data/iris.csv --target petal_width --ignore species " +
                              refusal.options + " -o " + folder.path("m"));
  EXPECT_EQ(run.exit_code, 3) << run.err;
  EXPECT_EQ(run.out, "");
  EXPECT_NE(run.err.find(refusal.said), std::string::npos) << run.err;
  EXPECT_EQ(folder.entries(), 0);
}

}  // namespace steepest::tests
