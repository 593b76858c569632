// SPDX-License-Identifier: Apache-2.0
// --engine end to end on a machine that may have no GPU: what is refused, and what a run says.
#include <gtest/gtest.h>

#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

const std::string iris = std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv";
const std::string fit = "fit " + iris + " --target species --device cpu ";
const std::string sweep = "sweep " + iris + " --target species --device cpu --epochs 2 ";

TEST(EngineCommand, TheCpuHasNoneToChoose) {
  const TemporaryFolder folder;
  for (const std::string& command : {fit, sweep}) {
    for (const std::string engine : {"products", "fused", "block", "stream"}) {
      const CommandRun run = run_command(folder, command + "--engine " + engine);
      EXPECT_EQ(run.exit_code, 3) << run.err;
      EXPECT_EQ(run.out, "");
      EXPECT_NE(run.err.find("--engine " + engine + " is for a GPU"), std::string::npos) << run.err;
    }
  }
}

TEST(EngineCommand, AnUnknownOneNamesTheKnown) {
  const TemporaryFolder folder;
  const CommandRun run = run_command(folder, fit + "--engine fast");
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_NE(run.err.find("\"fast\" is not known: use auto, products, fused, block, grid, stream, "
                         "graph, moments or line"),
            std::string::npos)
      << run.err;
}

TEST(EngineCommand, AutoIsTheCpusAndSaysNull) {
  const TemporaryFolder folder;
  const std::string config = folder.write("config.json", R"({"engine": "auto"})");
  const CommandRun run = run_command(folder, fit + "--json --config " + config);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_TRUE(run.json()["method"].at("engine").is_null());
  const CommandRun swept =
      run_command(folder, sweep + "--schedules constant --learning-rates 0.1 --json --engine auto");
  ASSERT_EQ(swept.exit_code, 0) << swept.err;
  EXPECT_TRUE(swept.json()["problem"].at("engine").is_null());
}

TEST(EngineCommand, AConfigFileChoosesToo) {
  const TemporaryFolder folder;
  const std::string config = folder.write("config.json", R"({"engine": "fused"})");
  const CommandRun run = run_command(folder, fit + "--config " + config);
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_NE(run.err.find("--engine fused is for a GPU"), std::string::npos) << run.err;
}

}  // namespace
}  // namespace steepest::tests
