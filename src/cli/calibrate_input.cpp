// SPDX-License-Identifier: Apache-2.0
#include "src/cli/calibrate_input.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace steepest::cli {
namespace {

void read_table(const CalibrateOptions& given, const GlobalOptions& global,
                CalibrateInput& result) {
  ReadOptions read = given.data.to_read_options();
  read.target_kind = TargetKind::classes;
  if (!given.group.empty()) {
    read.categorical.push_back(given.group);
    if (!read.features.empty()) {
      read.features.push_back(given.group);
    }
  }
  const ReadRows table = read_with_progress(read, given.memory.storage(), global);
  result.rows = logits_of_table(table.rows, fmt::format("{}", fmt::join(read.paths, " ")),
                                given.labels, parse_logit_input(given.input), given.group);
  if (given.group.empty()) {
    result.columns = table.rows->schema().feature_names();
  } else {
    result.groups = groups_of_table(*table.rows, given.group);
  }
  result.text_bytes = table.bytes_read;
  result.read_seconds = table.read_seconds;
}

}  // namespace

CalibrateInput open_calibrate_input(const CalibrateOptions& given, const GlobalOptions& global) {
  CalibrateInput result;
  if (!given.is_npy()) {
    read_table(given, global, result);
    return result;
  }
  result.rows = open_logits(given.data.paths[0], given.labels, parse_logit_input(given.input));
  if (!given.group.empty()) {
    result.groups = read_groups(given.group, result.rows->rows());
  }
  return result;
}

}  // namespace steepest::cli
