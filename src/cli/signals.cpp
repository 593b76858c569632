// SPDX-License-Identifier: Apache-2.0
#include "src/cli/signals.hpp"

#include <unistd.h>

#include <csignal>

#include "src/cli/command.hpp"

namespace steepest::cli {
namespace {

volatile std::sig_atomic_t signals_received = 0;

// The first signal asks the run to end in order; a second one ends it at once.
void on_signal(int number) {
  signals_received = signals_received + 1;
  if (signals_received > 1) {
    _exit(128 + number);
  }
}

}  // namespace

void catch_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a write then fails, and says so
  struct sigaction action = {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);  // the last: the tests wait for it
}

bool interrupted() { return signals_received > 0; }

}  // namespace steepest::cli
