// SPDX-License-Identifier: Apache-2.0
// Checkpoints: what a long run leaves behind now and then, so that another process can go on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace steepest {

/// Where and how often a run saves all it needs to go on to the same bits.
///
/// A file is written beside its name, flushed to disk and renamed; the last two are kept, each with
/// a checksum, so that whatever moment a run is killed at, one good file is there. What can be
/// computed anew from the data (statistics, curvature, preconditioner) is not saved but computed
/// anew. Resuming wants the same data and the same options; threads and budgets of time may differ:
/// a budget of time is that of a start, and what ran before it does not count.
struct CheckpointOptions {
  std::string folder;            ///< empty: no checkpoints; made where it is missing
  double every_seconds = 60;     ///< > 0; used where every_steps is 0
  std::int64_t every_steps = 0;  ///< > 0: at every multiple of so many steps instead
  bool resume = false;  ///< go on from the newest good file; start anew where there is none
};

/// Parses `30`, `30s` (seconds) or `500steps`. Throws OptionError.
void parse_checkpoint_interval(std::string_view text, CheckpointOptions& options);

}  // namespace steepest
