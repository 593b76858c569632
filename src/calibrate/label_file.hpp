// SPDX-License-Identifier: Apache-2.0
// Labels that lie beside the logits: a .npy file read block by block, or a column of text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/data/element_file.hpp"

namespace steepest::calibrate {

class LabelFile {
 public:
  /// No labels at all.
  LabelFile() = default;

  /// Throws InputError when the file cannot be read or has no label for every one of `rows` rows.
  LabelFile(const std::string& path, std::int64_t rows);

  /// Rows [first, first + count): (count) whole numbers, or no_label. Safe from many threads.
  const std::int32_t* read(std::int64_t first, std::int64_t count,
                           std::vector<std::int32_t>& memory) const;

 private:
  void read_text(const std::string& path);
  void open_npy(const std::string& path, std::int64_t rows);

  data::ElementFile file_;
  std::string type_;  // of the .npy file
  std::int64_t element_bytes_ = 0;
  std::vector<std::int32_t> labels_;  // of text
};

}  // namespace steepest::calibrate
