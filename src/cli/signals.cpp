// SPDX-License-Identifier: Apache-2.0
#include "src/cli/signals.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <string>
#include <utility>

#include "src/cli/command.hpp"

namespace steepest::cli {
namespace {

volatile std::sig_atomic_t signals_received = 0;

// Prepared before the handler that writes them is there: it may not make them.
std::string lost_page_error;
std::string lost_page_json;

// The first signal asks the run to end in order; a second one ends it at once.
void on_signal(int number) {
  signals_received = signals_received + 1;
  if (signals_received > 1) {
    _exit(128 + number);
  }
}

// A page of a mapped file is not there any more. Nothing but this may be called here.
void on_lost_page(int /*number*/) {
  static std::atomic_flag told;
  while (told.test_and_set()) {  // by another thread, which ends the process
    pause();
  }
  static_cast<void>(!write(STDERR_FILENO, lost_page_error.data(), lost_page_error.size()));
  static_cast<void>(!write(STDOUT_FILENO, lost_page_json.data(), lost_page_json.size()));
  _exit(exit_bad_input);
}

}  // namespace

void catch_signals(std::string lost_page_output) {
  lost_page_error = "steepest: " + std::string(lost_page_sentence) + "\n";
  lost_page_json = std::move(lost_page_output);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a write then fails, and says so
  std::signal(SIGBUS, on_lost_page);
  struct sigaction action = {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);  // the last: the tests wait for it
}

bool interrupted() { return signals_received > 0; }

}  // namespace steepest::cli
