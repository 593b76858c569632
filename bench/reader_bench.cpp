// SPDX-License-Identifier: Apache-2.0
// Reading numeric CSV: 28 features and a target, from a file the operating system holds in memory.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

#include "bench/turns.hpp"
#include "steepest/generate.hpp"
#include "steepest/read.hpp"

namespace steepest::bench {
namespace {

// A generated CSV in a folder of its own, removed with it.
class GeneratedFile {
 public:
  GeneratedFile(std::int64_t rows, std::int64_t features) {
    std::string folder =
        (std::filesystem::temp_directory_path() / "steepest-bench-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) {
      throw std::runtime_error(
          "no temporary folder could be made: set TMPDIR to one that is writable");
    }
    folder_ = folder;
    GeneratorOptions options;
    options.rows = rows;
    options.features = features;
    const Generator generator(options);
    std::ofstream file(path());
    file << fmt::format("{}\n", fmt::join(generator.column_names(), ","));
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::vector<float> values = generator.features(row);
      file << fmt::format("{},{}\n", fmt::join(values, ","),
                          static_cast<float>(generator.target(row, values)));
    }
  }
  ~GeneratedFile() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  GeneratedFile(const GeneratedFile&) = delete;
  GeneratedFile& operator=(const GeneratedFile&) = delete;

  [[nodiscard]] std::string path() const { return (folder_ / "rows.csv").string(); }

 private:
  std::filesystem::path folder_;
};

void read_bytes(const std::string& path) {
  static std::vector<char> buffer(std::size_t{1} << 20);
  const int descriptor = open(path.c_str(), O_RDONLY);
  while (descriptor >= 0 && read(descriptor, buffer.data(), buffer.size()) > 0) {
    benchmark::DoNotOptimize(buffer.data());
  }
  close(descriptor);
}

void run_rows(benchmark::State& state, std::int64_t rows) {
  const GeneratedFile file(rows, 28);
  ReadOptions options;
  options.paths = {file.path()};
  const auto bytes = static_cast<double>(std::filesystem::file_size(file.path()));
  // The limit is the POSIX read alone, one thread, no look at the bytes.
  const double seconds =
      measure(state, {[&] { benchmark::DoNotOptimize(read_dataset(options).features.data()); }, {}},
              {{"fraction_of_read", bytes, bytes, [&] { read_bytes(file.path()); }}});
  state.counters["bytes_per_second"] = bytes / seconds;
  state.counters["rows_per_second"] = static_cast<double>(rows) / seconds;
}

[[maybe_unused]] const bool registered = [] {
  for (const std::int64_t rows : {1'000, 200'000}) {
    const std::string name =
        fmt::format("read_csv/numeric/{}{}x28", rows <= 1000 ? "small/" : "", rows);
    benchmark::RegisterBenchmark(name.c_str(),
                                 [=](benchmark::State& state) { run_rows(state, rows); })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  }
  return true;
}();

}  // namespace
}  // namespace steepest::bench
