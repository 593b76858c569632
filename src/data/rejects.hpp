// SPDX-License-Identifier: Apache-2.0
// The rejects file: one CSV line for every row that was skipped, and why.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

#include "kernels/state_archive.hpp"
#include "src/data/element_file.hpp"
#include "src/data/row_problem.hpp"

namespace steepest::data {

/// Written beside its name and renamed by finish(), so that it is whole or not there. Without
/// finish() nothing is left behind, and a file that stood there before stays as it was.
class Rejects {
 public:
  /// An empty path writes nothing. Throws OptionError when the file cannot be created.
  explicit Rejects(std::string path);
  ~Rejects();
  /// The lines are collected in a file `kept`, which stays, and go to `path` by finish(): another
  /// process can go on with them. `anew`: whatever was there. An empty path writes nothing.
  Rejects(std::string path, const std::string& kept, bool anew);

  /// Of kept lines: puts all on the disk and writes how long they are and their checksum, or takes
  /// what is there, which it reads once to see that it is what was written.
  void exchange_state(kernels::StateArchive& archive);

  Rejects(const Rejects&) = delete;
  Rejects& operator=(const Rejects&) = delete;

  void add(const RowProblem& problem, const RecordReader& reader, const ColumnNames& names);

  /// Throws OptionError when the disk did not take everything.
  void finish();

 private:
  [[noreturn]] void fail() const;
  void flush();
  void count(std::string_view bytes);
  template <class Body>
  void for_each_block(Body body) const;
  void finish_kept();

  std::string path_;
  std::string partial_path_;
  std::ofstream stream_;
  ElementFile kept_;  // instead of the stream
  std::int64_t kept_bytes_ = 0;
  std::uint32_t kept_sum_ = 0;  // CRC-32 of these
  std::string pending_;         // behind them
};

}  // namespace steepest::data
