// SPDX-License-Identifier: Apache-2.0
// The rejects file: one CSV line for every row that was skipped, and why.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

#include "src/data/row_problem.hpp"

namespace steepest::data {

/// Written beside its name and renamed by finish(), so that it is whole or not there. Without
/// finish() nothing is left behind, and a file that stood there before stays as it was.
class Rejects {
 public:
  /// An empty path writes nothing. Throws OptionError when the file cannot be created.
  explicit Rejects(std::string path);
  ~Rejects();
  Rejects(const Rejects&) = delete;
  Rejects& operator=(const Rejects&) = delete;

  void add(const RowProblem& problem, const RecordReader& reader, const ColumnNames& names);

  /// Throws OptionError when the disk did not take everything.
  void finish();

 private:
  [[noreturn]] void fail() const;

  std::string path_;
  std::string partial_path_;
  std::ofstream stream_;
};

}  // namespace steepest::data
