// SPDX-License-Identifier: Apache-2.0
// A process that fits again and again holds no more memory for it.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdint>
#include <filesystem>
#include <functional>

#include "steepest/fit.hpp"
#include "steepest/model.hpp"
#include "steepest/read.hpp"
#include "steepest/sweep.hpp"
#include "tests/sanitizers.hpp"
#include "tests/temporary_folder.hpp"

namespace steepest::tests {
namespace {

// Bytes that were allocated and not freed, in all arenas.
std::int64_t bytes_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
}

void expect_no_growth(int times, const std::function<void()>& work) {
#ifdef STEEPEST_SANITIZED
  GTEST_SKIP() << "sanitizers allocate in their own way, and look for leaks themselves";
#endif
  for (int i = 0; i < 20; ++i) {  // what is made once, and the arenas of threads
    work();
  }
  const std::int64_t before = bytes_in_use();
  for (int i = 0; i < times; ++i) {
    work();
  }
  constexpr std::int64_t a_fit = 256;  // arenas grow by a third of it at first, then ever less
  EXPECT_LT(bytes_in_use() - before, times * a_fit);
}

ReadOptions iris(const char* target) {
  ReadOptions options;
  options.paths = {std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv"};
  options.targets = {target};
  options.threads = 2;
  return options;
}

FitOptions fit_options() {
  FitOptions options;
  options.device.kind = DeviceChoice::Kind::cpu;
  options.threads = 2;
  return options;
}

TEST(Growth, NoneOverAHundredFits) {
  const TemporaryFolder folder;
  int run = 0;
  expect_no_growth(100, [&] {
    FitOptions options = fit_options();
    if (++run % 2 == 0) {
      options.batch_size = 16;
      options.epochs = 3;
      options.checkpoint.folder = folder.path("state");
      options.checkpoint.every_steps = 10;
    }
    const FitResult result = fit(read_dataset(iris("species")), options);
    save_model(result.model, folder.path("m.json"));
    static_cast<void>(load_model(folder.path("m.json")));
  });
}

TEST(Growth, NoneOverSweepsAndErrors) {
  expect_no_growth(30, [] {
    SweepOptions options;
    options.problem = fit_options();
    options.schedules = parse_schedule_list("constant,cosine");
    options.learning_rates = {{1.0, true}};
    options.batch_sizes = {0, 32};
    options.rules = {parse_rule("gradient")};
    options.seeds = {0};
    options.epochs = 2;
    const SweepResult result =
        sweep(std::make_shared<DatasetRows>(read_dataset(iris("species"))), options);
    EXPECT_EQ(result.runs.size(), 4U);
    ReadOptions wrong = iris("no such column");
    EXPECT_THROW(static_cast<void>(read_dataset(wrong)), std::exception);
  });
}

}  // namespace
}  // namespace steepest::tests
