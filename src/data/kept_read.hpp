// SPDX-License-Identifier: Apache-2.0
// A read that another process can go on with: its rows lie in files with names, and what else it
// knows is saved now and then.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace steepest::data {

/// Name of the file beside the rows that rejected ones are collected in.
inline constexpr const char* kept_rejects = "rejects.rows";

/// Rows go to files in `folder`, which belongs to this read alone, as they are decoded. A state
/// says how many of them count and where in the input the next one begins; rows behind it are
/// written again.
struct KeptRead {
  std::string folder;
  std::function<bool()> is_due;                        ///< asked between blocks of the input
  std::function<void(const std::string& state)> save;  ///< when the rows are on the disk
  std::optional<std::string> resumed;                  ///< a state saved there, to go on from
  std::string resumed_from;                            ///< its name, for messages
};

}  // namespace steepest::data
