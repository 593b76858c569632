// SPDX-License-Identifier: Apache-2.0
// libFuzzer: any bytes as a .npy file, of logits, of labels, and as an array of a table. The first
// byte says which; the rest is the file.
#include <fmt/format.h>

#include "src/data/npy.hpp"
#include "steepest/error.hpp"
#include "steepest/logit_rows.hpp"
#include "steepest/table_folder.hpp"
#include "tests/fuzz/input_file.hpp"

namespace {

using namespace steepest;
using namespace steepest::fuzz;

// All rows, in blocks that do not divide them.
void read_all(const LogitRows& rows) {
  LogitBuffer buffer;
  constexpr std::int64_t block = 7;
  for (std::int64_t first = 0; first < rows.rows(); first += block) {
    const std::int64_t count = std::min(block, rows.rows() - first);
    const LogitBlock found = rows.read(first, count, buffer);
    require((found.floats == nullptr) != (found.doubles == nullptr), "one kind of elements");
    double sum = 0.0;
    for (std::int64_t i = 0; i < count * rows.classes(); ++i) {
      sum += found.floats != nullptr ? static_cast<double>(found.floats[i]) : found.doubles[i];
    }
    volatile const double used = sum + static_cast<double>(found.labels[count - 1]);
    static_cast<void>(used);
  }
}

void read_logits(const std::string& path, LogitInput input) {
  read_all(*open_logits(path, "", input));
}

// Labels of three rows of two logits.
void read_labels(const std::string& path) {
  static const std::string logits =
      write_input("logits.npy", data::npy_header("<f4", {3, 2}) + std::string(3 * 2 * 4, '\0'));
  read_all(*open_logits(logits, path, LogitInput::logits));
}

// The features of a table of two rows and one column.
void read_table(std::string_view bytes, bool in_memory) {
  static const bool made = [] {
    std::filesystem::create_directory(own_folder() / "table");
    write_input("table/schema.json",
                R"({"format":"steepest-table","format_version":1,"steepest_version":"0","rows":2,)"
                R"("columns":[{"name":"x","type":"numeric"}],"targets":["y"],"classes":[],)"
                R"("weight":"","features":["x"]})");
    write_input("table/targets.npy", data::npy_header("<f8", {2}) + std::string(2 * 8, '\0'));
    return true;
  }();
  static_cast<void>(made);
  write_input("table/features.npy", bytes);
  const std::shared_ptr<RowSource> table =
      open_table((own_folder() / "table").string(), {in_memory ? 0 : 1, own_folder().string()}, 1);
  RowBuffer buffer;
  volatile const float used = table->features(0, table->rows(), buffer)[table->rows() - 1];
  static_cast<void>(used);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view bytes = bytes_of(data + 1, size - 1);
  try {
    switch (data[0] % 6) {
      case 0:
      case 1:
      case 2:
        read_logits(write_input("input.npy", bytes), static_cast<LogitInput>(data[0] % 6));
        break;
      case 3:
        read_labels(write_input("labels.npy", bytes));
        break;
      default:
        read_table(bytes, data[0] % 6 == 4);
    }
  } catch (const InputError&) {
    // A sentence is a good end.
  }
  return 0;
}
