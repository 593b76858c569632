// SPDX-License-Identifier: Apache-2.0
// A fit holds its data about once, not three times.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/run_command.hpp"
#include "tests/sanitizers.hpp"

namespace steepest::tests {
namespace {

// Largest resident set of `steepest fit PATH --target y --memory MEMORY`, in bytes; -1 when it
// fails.
std::int64_t peak_of_fit(const std::string& path, const char* memory = "8G") {
  const pid_t child = fork();
  if (child == 0) {
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    execl(STEEPEST_COMMAND, "steepest", "fit", path.c_str(), "--target", "y", "--device", "cpu",
          "--quiet", "--memory", memory, static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? usage.ru_maxrss * 1024 : -1;
}

TEST(FitMemory, StaysBelowTwiceTheFloatMatrix) {
#ifdef STEEPEST_SANITIZED
  GTEST_SKIP() << "sanitizers hold memory of their own";
#endif
  const TemporaryFolder folder;
  const std::string path = folder.path("d.csv");
  constexpr std::int64_t rows = 400000;
  ASSERT_EQ(run_command(folder, "generate linear --rows 400000 --features 28 -o " + path).exit_code,
            0);
  const std::int64_t matrix = rows * 28 * 4;
  // What the program and its libraries hold without data: much with CUDA's, little without.
  const std::int64_t bare = peak_of_fit(folder.write("small.csv", "x,y\n1,2\n2,3\n3,5\n"));
  ASSERT_GT(bare, 0);
  const std::int64_t peak = peak_of_fit(path);
  ASSERT_GT(peak, matrix);
  EXPECT_LT(peak - bare, 2 * matrix) << "matrix " << matrix << " bytes, without data " << bare;
}

TEST(FitMemory, StaysBelowTheMemoryGiven) {
#ifdef STEEPEST_SANITIZED
  GTEST_SKIP() << "sanitizers hold memory of their own";
#endif
  const TemporaryFolder folder;
  const std::string path = folder.path("d.csv");
  ASSERT_EQ(run_command(folder, "generate linear --rows 400000 --features 64 -o " + path).exit_code,
            0);
  const std::int64_t matrix = std::int64_t{400000} * 64 * 4;
  constexpr std::int64_t memory = std::int64_t{64} << 20;
  const std::int64_t bare = peak_of_fit(folder.write("small.csv", "x,y\n1,2\n2,3\n3,5\n"));
  ASSERT_GT(bare, 0);
  const std::int64_t peak = peak_of_fit(path, "64M");
  ASSERT_GT(peak, 0);
  EXPECT_LT(peak - bare, memory) << "matrix " << matrix << " bytes, without data " << bare;
}

}  // namespace
}  // namespace steepest::tests
