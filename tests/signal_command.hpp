// SPDX-License-Identifier: Apache-2.0
// Sends a command a signal as soon as it has set its handlers, however slow its start is.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/run_command.hpp"

namespace steepest::tests {

/// Whether the process handles the signal: its bit of the mask SigCgt in Linux's /proc/PID/status.
inline bool catches(pid_t process, int signal) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  const std::string key = "SigCgt:";
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) {
      return (std::stoull(line.substr(key.size()), nullptr, 16) >> (signal - 1) & 1) != 0;
    }
  }
  return false;
}

/// Runs `steepest ARGUMENTS` with a standard input that stays open and empty, and sends it `signal`
/// once it has set its handlers, of which that of SIGTERM is the last, and `is_time` says so.
inline CommandRun signal_command(
    const TemporaryFolder& folder, const std::string& arguments, int signal,
    const std::function<bool()>& is_time = [] { return true; }) {
  const std::string out = folder.path(".stdout");
  const std::string err = folder.path(".stderr");
  const std::string line =
      "exec " STEEPEST_COMMAND " " + arguments + " >'" + out + "' 2>'" + err + "'";
  int input[2] = {};
  if (pipe2(input, O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipe");
  }
  const pid_t child = fork();
  if (child == 0) {
    dup2(input[0], STDIN_FILENO);
    execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  pid_t ended = 0;
  while (ended == 0 && !(catches(child, SIGTERM) && is_time())) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ended = waitpid(child, &status, WNOHANG);
  }
  if (ended == 0) {
    kill(child, signal);
    waitpid(child, &status, 0);
  }
  close(input[0]);
  close(input[1]);
  CommandRun run;
  run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  run.out = folder.read(".stdout");
  run.err = folder.read(".stderr");
  std::filesystem::remove(out);
  std::filesystem::remove(err);
  return run;
}

}  // namespace steepest::tests
