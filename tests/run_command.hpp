// SPDX-License-Identifier: Apache-2.0
// Runs the command as a user does, and keeps what it printed.
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "tests/temporary_folder.hpp"

namespace steepest::tests {

/// What a run left.
struct CommandRun {
  int exit_code = -1;
  std::string out;
  std::string err;

  [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(out); }
};

/// Runs `steepest ARGUMENTS` through the shell; `before` is put in front, e.g. a pipe's source.
inline CommandRun run_command(const TemporaryFolder& folder, const std::string& arguments,
                              const std::string& before = "") {
  const std::string errors = folder.path(".stderr");
  const std::string line = before + STEEPEST_COMMAND " " + arguments + " 2>'" + errors + "'";
  CommandRun run;
  std::FILE* pipe = popen(line.c_str(), "r");
  if (pipe == nullptr) {
    throw std::runtime_error("cannot run " + line);
  }
  std::array<char, 4096> buffer{};
  for (std::size_t size = 0; (size = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    run.out.append(buffer.data(), size);
  }
  const int status = pclose(pipe);
  run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  run.err = folder.read(".stderr");
  std::filesystem::remove(errors);
  return run;
}

}  // namespace steepest::tests
