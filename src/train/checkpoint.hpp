// SPDX-License-Identifier: Apache-2.0
// The folder of a run's checkpoints: who may use it, what is in it, when the next one is due.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "steepest/checkpoint.hpp"

namespace steepest::train {

/// What a run is: two runs go on from each other's checkpoints where all of this is equal.
struct RunIdentity {
  std::string kind;                                          ///< "fit", "sweep"
  std::vector<std::pair<std::string, std::string>> options;  ///< name and value of each
  std::string data;                                          ///< a digest
};

/// Collects numbers to a digest of 64 bits (FNV-1a over their bytes).
class Digest {
 public:
  void add(double value);
  void add(const std::vector<double>& values);
  void add(std::string_view text);
  [[nodiscard]] std::string text() const;  ///< 16 hexadecimal digits

 private:
  void add_byte(std::uint64_t byte);

  std::uint64_t state_ = 0xcbf29ce484222325U;
};

/// A folder held by one process at a time. Files are `checkpoint-<number>.state`, the number
/// growing from one to the next.
class CheckpointFolder {
 public:
  /// Without a folder in the options nothing is ever due. Makes and locks the folder, and removes
  /// what killed writers left. Throws InputError when it cannot be used or another run uses it.
  explicit CheckpointFolder(CheckpointOptions options);
  ~CheckpointFolder();
  CheckpointFolder(const CheckpointFolder&) = delete;
  CheckpointFolder& operator=(const CheckpointFolder&) = delete;

  [[nodiscard]] bool is_used() const { return !options_.folder.empty(); }

  /// Sets who the run is, and returns the state to go on from where resuming was asked for and
  /// there is one. A file that is damaged is passed over with a warning. Throws InputError for
  /// files of another run, other data or another format, or all of which are damaged; and where
  /// resuming was not asked for, for those of a run that has not ended: they would be lost.
  [[nodiscard]] std::optional<std::string> open(RunIdentity identity,
                                                std::vector<std::string>& warnings);

  /// Name of the file that open() returned the state of.
  [[nodiscard]] const std::string& resumed_from() const { return resumed_from_; }

  /// Whether a state of this run is here: it went on from one, or has saved one.
  [[nodiscard]] bool has_state() const { return has_state_; }

  /// Whether a checkpoint is due after `step` steps.
  [[nodiscard]] bool is_due(std::int64_t step) const;

  /// Steps until the next is due at an exact step; as given where only time counts.
  [[nodiscard]] std::int64_t steps_to_next(std::int64_t step, std::int64_t most) const;

  /// Writes a file and removes all but it and the good one before. `ended`: there is nothing to go
  /// on to. Where it cannot be written, what was there stays, and problem() says why.
  void save(bool ended, const std::string& state);

  /// Removes all checkpoints: what they were of is done, and nobody will go on from them.
  void clear();

  [[nodiscard]] const std::string& folder() const { return options_.folder; }

  /// Why the last save failed; empty where none did.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  struct Found;

  [[nodiscard]] std::vector<std::pair<std::int64_t, std::string>> files() const;
  void write(bool ended, const std::string& state);
  [[nodiscard]] Found read(const std::string& path) const;
  void refuse_others(const std::string& path, const RunIdentity& found) const;

  CheckpointOptions options_;
  std::int64_t next_number_ = 1;
  RunIdentity identity_;
  std::string resumed_from_;
  std::string problem_;
  std::vector<std::string> damaged_;  // files that open() could not read
  bool has_state_ = false;
  int lock_ = -1;
  std::chrono::steady_clock::time_point saved_ = std::chrono::steady_clock::now();
};

}  // namespace steepest::train
