// SPDX-License-Identifier: Apache-2.0
// libFuzzer: any bytes at all must read and inspect the same, or fail the same, by the fast and by
// the scalar reader. The first three bytes choose options, the rest is the file.
//
// scripts/fuzz runs it. Its corpus, seeds from tests/awkward, is built by make_corpus.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "tests/inspect_outcome.hpp"
#include "tests/read_outcome.hpp"

namespace {

using steepest::BadRowPolicy;
using steepest::HeaderMode;
using steepest::MissingPolicy;

// A file that lives as long as the process.
const std::string& path_of_input() {
  static const std::string path = [] {
    std::string name = std::filesystem::temp_directory_path() / "steepest-fuzz-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) {
      std::abort();
    }
    return name + "/d.csv";
  }();
  return path;
}

// 0: the usual dialect. Choices that contradict each other are tried, too.
void choose_dialect(unsigned third, steepest::ReadOptions& options) {
  if (third % 4 > 0) {
    options.comment = "#%\0"[third % 4 - 1];
  }
  options.quote = third / 4 % 4 == 1 ? '\'' : third / 4 % 4 == 2 ? '\0' : '"';
  options.escape = third / 16 % 2 == 1 ? '\\' : '\0';
  options.numbers.decimal = third / 32 % 2 == 1 ? ',' : '.';
  options.numbers.thousands = "\0.,_"[third / 64];
  options.skip_lines = third == 0xFF ? 2 : 0;
}

steepest::ReadOptions options_by(unsigned first, unsigned second) {
  steepest::ReadOptions options;
  options.paths = {path_of_input()};
  options.header = first % 2 == 0 ? HeaderMode::yes : HeaderMode::automatic;
  options.missing = static_cast<MissingPolicy>(first / 2 % 4);
  options.bad_rows = first / 8 % 2 == 0 ? BadRowPolicy::skip : BadRowPolicy::error;
  if (options.bad_rows == BadRowPolicy::skip) {
    options.rejects_path = path_of_input() + ".rejects";
  }
  options.targets = {"-1"};
  if (first / 16 % 2 == 1) {
    options.categorical = {"1"};
  }
  if (first / 32 % 2 == 1) {
    options.missing_texts = {"-9", "x"};
  }
  if (first / 64 % 4 == 1) {
    options.delimiter = ';';
  }
  options.threads = 1 + static_cast<int>(second / 64);
  return options;
}

void check(steepest::data::SimdLevel level, const std::string& found, const std::string& expected) {
  if (found != expected) {
    std::fprintf(stderr, "level %d: %s", static_cast<int>(level),
                 steepest::tests::difference(found, expected).c_str());
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) {
    return 0;
  }
  steepest::ReadOptions options = options_by(data[0], data[1]);
  choose_dialect(data[2], options);
  std::ofstream(path_of_input(), std::ios::binary)
      .write(reinterpret_cast<const char*>(data) + 3, static_cast<std::streamsize>(size - 3));
  steepest::data::ReaderLimits limits;
  limits.head_bytes = 1;
  limits.block_bytes = 1 + data[1] % 64 * 5;
  limits.stretch_bytes = 1;
  steepest::data::ReaderLimits scalar = limits;
  scalar.scalar = true;
  const std::string expected = steepest::tests::outcome(options, scalar, nullptr);
  const std::string summary = steepest::tests::inspect_outcome(options, scalar);
  // Rows in memory, or from some byte on in files.
  steepest::RowStorage storage;
  if (data[1] % 2 == 1) {
    storage = {1 + data[0] * 8, std::filesystem::path(path_of_input()).parent_path()};
  }
  using steepest::data::SimdLevel;
  for (const SimdLevel level : {SimdLevel::portable, SimdLevel::avx2, SimdLevel::avx512}) {
    limits.simd = level;
    check(level, steepest::tests::outcome(options, limits, nullptr, storage), expected);
    check(level, steepest::tests::inspect_outcome(options, limits), summary);
  }
  return 0;
}
