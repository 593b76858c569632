// SPDX-License-Identifier: Apache-2.0
// States of a sweep's banks that wait for their next leg.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/state_archive.hpp"
#include "src/data/element_file.hpp"

namespace steepest::train {

/// In files without a name where there is a folder for them, else in memory. Throws InputError when
/// the folder takes no file or its disk is full.
class HaltedBanks {
 public:
  HaltedBanks() = default;
  HaltedBanks(std::size_t banks, std::string folder);

  /// Makes the first file, so that a folder that takes none is told before anything has been
  /// trained.
  void prepare();

  /// The banks halt anew from now on: each state is put again, or over, before the next call.
  void begin_leg();

  /// An empty state is that of a bank that has ended, or not begun.
  void put(std::size_t bank, std::string state);
  [[nodiscard]] std::string get(std::size_t bank) const;
  [[nodiscard]] bool is_empty(std::size_t bank) const { return places_[bank].bytes == 0; }

  /// For checkpoints, which hold all states: see kernels/state_archive.hpp.
  void exchange_state(kernels::StateArchive& archive);

 private:
  struct Place {
    std::size_t file = 0;
    std::int64_t offset = 0;
    std::int64_t bytes = 0;
    std::string held;  // where there is no folder
  };

  std::string folder_;
  std::vector<Place> places_;
  std::array<data::ElementFile, 2> files_;  // of this leg and the one before, by turns
  std::size_t current_ = 0;
  std::int64_t end_ = 0;  // of the current file
};

}  // namespace steepest::train
