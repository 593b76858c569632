// SPDX-License-Identifier: Apache-2.0
#include "src/cli/checkpoint_options.hpp"

#include <fmt/format.h>

#include "steepest/error.hpp"

namespace steepest::cli {

CheckpointOptions CheckpointArguments::options() const {
  CheckpointOptions result;
  if (folder.empty() && (resume || !every.empty())) {
    throw OptionError(fmt::format("{} needs --checkpoint DIR, the folder the state is kept in",
                                  resume ? "--resume" : "--checkpoint-every"));
  }
  result.folder = folder;
  result.resume = resume;
  if (!every.empty()) {
    parse_checkpoint_interval(every, result);
  }
  return result;
}

void add_checkpoint_options(CLI::App& app, CheckpointArguments& arguments, bool has_steps) {
  app.add_option("--checkpoint", arguments.folder,
                 "folder that the state of the run is saved in, to go on after an end of any kind");
  app.add_option("--checkpoint-every", arguments.every,
                 has_steps ? "seconds, as in 30, or steps, as in 500steps; default 60"
                           : "seconds, as in 30; default 60");
  app.add_flag("--resume", arguments.resume,
               "go on from the newest checkpoint; start where there is none");
}

Json checkpoint_json(const CheckpointOptions& options, const CheckpointFacts& facts) {
  if (options.folder.empty()) {
    return nullptr;
  }
  return {{"folder", options.folder},
          {"resumed_from", facts.resumed_from.empty() ? Json(nullptr) : Json(facts.resumed_from)},
          {"resumable", facts.resumable}};
}

void print_checkpoint(const CheckpointOptions& options, const CheckpointFacts& facts,
                      bool was_cut_short) {
  if (!facts.resumed_from.empty()) {
    print_line("resumed", "from " + facts.resumed_from);
  }
  if (was_cut_short && !options.folder.empty()) {
    print_line("to go on", facts.resumable ? "the same command with --resume"
                                           : "nothing was saved yet: the same command begins anew");
  }
}

}  // namespace steepest::cli
