// SPDX-License-Identifier: Apache-2.0
#include "src/train/halted_banks.hpp"

#include <utility>

namespace steepest::train {

HaltedBanks::HaltedBanks(std::size_t banks, std::string folder)
    : folder_(std::move(folder)), places_(banks) {}

// What lies in the other file was put again, or is over: it goes with its descriptor.
void HaltedBanks::begin_leg() {
  current_ = 1 - current_;
  files_[current_] = data::ElementFile();
  end_ = 0;
}

void HaltedBanks::prepare() {
  if (!folder_.empty() && !files_[current_].is_open()) {
    files_[current_] = data::ElementFile::temporary(
        folder_, "for runs that wait for the others of their batch size",
        "--cache DIR | no --prune");
  }
}

void HaltedBanks::put(std::size_t bank, std::string state) {
  Place& place = places_[bank];
  place = {current_, end_, static_cast<std::int64_t>(state.size()), {}};
  if (state.empty()) {
    return;
  }
  if (folder_.empty()) {
    place.held = std::move(state);
    return;
  }
  prepare();
  files_[current_].write(state.data(), place.bytes, end_);
  end_ += place.bytes;
}

std::string HaltedBanks::get(std::size_t bank) const {
  const Place& place = places_[bank];
  std::string state = place.held;
  if (!folder_.empty() && place.bytes > 0) {
    state.resize(static_cast<std::size_t>(place.bytes));
    files_[place.file].read(state.data(), place.bytes, place.offset);
  }
  return state;
}

void HaltedBanks::exchange_state(kernels::StateArchive& archive) {
  auto count = static_cast<std::int64_t>(places_.size());
  archive.exchange_in(count, count, count);
  for (std::size_t bank = 0; bank < places_.size(); ++bank) {
    std::string state = archive.is_reading() ? std::string() : get(bank);
    archive.exchange(state);
    if (archive.is_reading()) {
      put(bank, std::move(state));
    }
  }
}

}  // namespace steepest::train
