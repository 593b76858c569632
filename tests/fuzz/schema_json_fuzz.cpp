// SPDX-License-Identifier: Apache-2.0
// libFuzzer: any bytes as the schema.json of a folder whose arrays have two rows of two features.
#include "src/data/npy.hpp"
#include "steepest/error.hpp"
#include "steepest/table_folder.hpp"
#include "tests/fuzz/input_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace steepest;
  using namespace steepest::fuzz;
  static const std::string folder = [] {
    const std::string path = (own_folder() / "table").string();
    std::filesystem::create_directory(path);
    write_input("table/features.npy",
                data::npy_header("<f4", {2, 2}) + std::string(2 * 2 * 4, '\0'));
    write_input("table/weights.npy", data::npy_header("<f8", {2}) + std::string(2 * 8, '\x3f'));
    return path;
  }();
  // Numbers or labels: zeros are both.
  write_input("table/targets.npy", size % 2 == 0
                                       ? data::npy_header("<f8", {2}) + std::string(2 * 8, '\0')
                                       : data::npy_header("<i4", {2}) + std::string(2 * 4, '\0'));
  write_input("table/schema.json", bytes_of(data, size));
  try {
    const std::shared_ptr<RowSource> table = open_table(folder, {0, own_folder().string()}, 1);
    require(table->rows() == 2 && table->feature_count() == 2, "the shape of the arrays");
    require(table->schema().feature_names().size() == 2, "a name a feature");
    RowBuffer buffer;
    volatile const float used = table->features(0, 2, buffer)[3];
    static_cast<void>(used);
  } catch (const InputError&) {
    // A sentence is a good end.
  }
  return 0;
}
