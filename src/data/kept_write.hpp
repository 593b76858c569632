// SPDX-License-Identifier: Apache-2.0
// A folder of arrays being written that another process can go on with.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "src/data/new_folder.hpp"
#include "src/data/place_sum.hpp"
#include "steepest/table_folder.hpp"

namespace steepest::data {

/// Where the writing of a folder is. The features come first, and take nearly all of the time.
struct KeptWrite {
  FolderIdentity part;    ///< of the folder that is being written; none: not begun
  std::int64_t rows = 0;  ///< of its features that are on the disk
  PlaceSum sum;           ///< of these
  std::function<bool()> is_due;
  std::function<void()> save;  ///< what stands above, once it holds
  std::function<void(const std::string& sentence)> warn;
};

/// As steepest::write_table, from where `kept` says that another process was with the same rows,
/// which are read once to see that they are what was written; from their beginning where they are
/// not. Where `progress` gives up by an exception the part stays, and is saved.
void write_table(const RowSource& rows, const std::string& folder, const WriteProgress& progress,
                 KeptWrite& kept);

}  // namespace steepest::data
