// SPDX-License-Identifier: Apache-2.0
// The arrays are what FileRows reads anyway, behind NumPy's headers.
#include "steepest/table_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "kernels/thread_pool.hpp"
#include "src/data/excerpt.hpp"
#include "src/data/file_rows.hpp"
#include "src/data/json_file.hpp"
#include "src/data/npy.hpp"
#include "src/model/part_name.hpp"
#include "steepest/error.hpp"
#include "steepest/output_file.hpp"
#include "steepest/version.hpp"

namespace steepest {
namespace {

namespace fs = std::filesystem;
using data::Json;

constexpr const char* format_name = "steepest-table";
constexpr int format_version = 1;
constexpr const char* schema_name = "schema.json";
constexpr const char* features_name = "features.npy";
constexpr const char* targets_name = "targets.npy";
constexpr const char* weights_name = "weights.npy";

// A folder being written beside its name.
class NewFolder {
 public:
  explicit NewFolder(const std::string& path)
      : path_(without_slash(path)), part_(part_name(path_)) {
    if (fs::exists(path_)) {
      expect_replaceable(path_);
      remove_abandoned_parts(path_ + ".replaced");
    }
    remove_abandoned_parts(path_);
    std::error_code error;
    fs::create_directory(part_, error);
    if (error) {
      throw InputError(Location{path_}, "cannot be written: " + error.message());
    }
    lock_ = ::open(part_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock_ >= 0) {
      mark_as_written(lock_);
    }
  }

  ~NewFolder() {
    std::error_code ignored;
    fs::remove_all(part_, ignored);
    if (lock_ >= 0) {
      ::close(lock_);
    }
  }
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  [[nodiscard]] std::string file(const char* name) const { return part_ + "/" + name; }

  // The two change places at once, so that a whole folder stands there at any moment; what stood
  // there before is removed with the part. Others may put something there meanwhile: it is looked
  // at when it cannot be changed under our hands any more, and put back if it is not ours to
  // remove.
  void commit() {
    if (::renameat2(AT_FDCWD, part_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0) {
      return;
    }
    if (errno == EEXIST &&
        ::renameat2(AT_FDCWD, part_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) == 0) {
      if (!is_replaceable(part_)) {
        take_back();
      }
      return;
    }
    const bool knows_no_exchange = errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP;
    if (!knows_no_exchange || !renamed_in_turn()) {
      throw InputError(Location{path_}, fmt::format("cannot be put in its place: {}",
                                                    std::generic_category().message(errno)));
    }
  }

 private:
  // Where the file system cannot exchange two names.
  [[nodiscard]] bool renamed_in_turn() {
    const bool replaces = fs::exists(path_);
    const std::string old = part_name(path_ + ".replaced");
    if (replaces) {
      expect_replaceable(path_);
      if (std::rename(path_.c_str(), old.c_str()) != 0) {
        return false;
      }
    }
    const bool done = std::rename(part_.c_str(), path_.c_str()) == 0;
    const int reason = errno;
    if (replaces && done) {
      std::error_code ignored;
      fs::remove_all(old, ignored);
    } else if (replaces) {
      static_cast<void>(std::rename(old.c_str(), path_.c_str()));
    }
    errno = reason;
    return done;
  }

  // What was found in our place goes back to it, or stays whole beside it.
  [[noreturn]] void take_back() {
    if (::renameat2(AT_FDCWD, part_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) != 0) {
      const std::string kept = std::exchange(part_, "");
      throw InputError(Location{path_},
                       "was written, but what another program had put here is now " + kept);
    }
    expect_replaceable(path_);
    throw InputError(Location{path_}, "was changed by another program while it was written");
  }

  void expect_replaceable(const std::string& folder) const {
    if (!is_replaceable(folder)) {
      throw InputError(Location{path_},
                       "stands here already and is no folder that convert wrote: it is left alone");
    }
  }

  // An empty folder, or one with the files of a table and nothing else.
  [[nodiscard]] static bool is_replaceable(const std::string& folder) {
    std::error_code error;
    bool has_schema = false;
    std::int64_t files = 0;
    fs::directory_iterator entry(folder, error);
    for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      has_schema = has_schema || name == schema_name;
      ++files;
      if (name != schema_name && name != features_name && name != targets_name &&
          name != weights_name) {
        return false;
      }
    }
    try {
      return !error && (files == 0 || (has_schema && is_table(folder)));
    } catch (const InputError&) {
      return false;
    }
  }

  static bool is_table(const std::string& folder) {
    return data::JsonFile(folder + "/" + schema_name, "table", format_name, format_version)
        .json()
        .is_object();
  }

  static std::string without_slash(std::string path) {
    while (path.size() > 1 && path.back() == '/') {
      path.pop_back();
    }
    return path;
  }

  std::string path_;
  std::string part_;
  int lock_ = -1;  // on the part, for as long as it is written
};

// An array being written, row after row.
template <class T>
class ArrayFile {
 public:
  ArrayFile(const std::string& path, std::string_view type, const std::vector<std::int64_t>& shape)
      : file_(path) {
    file_.write(data::npy_header(type, shape));
  }
  void write(const T* values, std::int64_t count) {
    file_.write(
        {reinterpret_cast<const char*>(values), static_cast<std::size_t>(count) * sizeof(T)});
  }
  void commit() { file_.commit(); }

 private:
  OutputFile file_;
};

std::vector<std::int64_t> rows_by(std::int64_t rows, std::int64_t columns) {
  return columns == 1 ? std::vector{rows} : std::vector{rows, columns};
}

// Calls body(first, count) for all rows, a few megabytes at a time.
template <class Body>
void for_each_block(const RowSource& rows, Body body) {
  const std::int64_t row_bytes = 4 * rows.feature_count() + 8 * rows.outputs() + 8;
  const std::int64_t block =
      std::clamp<std::int64_t>((std::int64_t{4} << 20) / row_bytes, 1, rows.rows());
  for (std::int64_t first = 0; first < rows.rows(); first += block) {
    body(first, std::min(block, rows.rows() - first));
  }
}

void write_targets(const RowSource& rows, const NewFolder& folder) {
  RowBuffer buffer;
  if (rows.classifies()) {
    ArrayFile<std::int32_t> file(folder.file(targets_name), "<i4", {rows.rows()});
    for_each_block(rows, [&](std::int64_t first, std::int64_t count) {
      file.write(rows.labels(first, count, buffer), count);
    });
    file.commit();
  } else {
    ArrayFile<double> file(folder.file(targets_name), "<f8", rows_by(rows.rows(), rows.outputs()));
    for_each_block(rows, [&](std::int64_t first, std::int64_t count) {
      file.write(rows.targets(first, count, buffer), count * rows.outputs());
    });
    file.commit();
  }
  if (rows.has_weights()) {
    ArrayFile<double> file(folder.file(weights_name), "<f8", {rows.rows()});
    for_each_block(rows, [&](std::int64_t first, std::int64_t count) {
      file.write(rows.weights(first, count, buffer), count);
    });
    file.commit();
  }
}

void write_schema(const RowSource& rows, const NewFolder& folder) {
  Json json{{"format", format_name}, {"format_version", format_version}};
  json["steepest_version"] = version;
  json["rows"] = rows.rows();
  data::add_schema(rows.schema(), json);
  OutputFile file(folder.file(schema_name));
  file.write(json.dump(1, ' ', false, Json::error_handler_t::replace));
  file.write("\n");
  file.commit();
}

// An array of the folder that has the type and shape it must have.
data::ElementFile open_array(const std::string& path, std::string_view type,
                             const std::vector<std::int64_t>& shape) {
  const data::NpyHeader header = data::read_npy_header(path);
  if (header.type != type || header.shape != shape || (header.fortran_order && shape.size() > 1)) {
    throw InputError(
        Location{path},
        fmt::format("is an array of {} ({}){}, where schema.json promises {} ({}) in C order",
                    header.type, fmt::join(header.shape, ", "),
                    header.fortran_order ? " in Fortran order" : "", type, fmt::join(shape, ", ")));
  }
  return {path, header.data_start};
}

[[noreturn]] void fail_at(const std::string& folder, const char* file, std::int64_t row,
                          const std::string& sentence) {
  throw InputError(Location{folder + "/" + file},
                   fmt::format("element {} {}", data::grouped(row), sentence));
}

// All of them, on every thread: whether a float is finite is told by its bits.
void check_features(const RowSource& rows, const std::string& folder, kernels::ThreadPool& pool) {
  constexpr std::uint32_t infinity = 0x7F800000U;
  const std::int64_t width = rows.feature_count();
  const std::int64_t block = std::max<std::int64_t>(1, (std::int64_t{1} << 18) / width);
  std::vector<RowBuffer> buffers(static_cast<std::size_t>(pool.threads()));
  pool.for_each((rows.rows() + block - 1) / block, [&](std::int64_t b, int worker) {
    const std::int64_t first = b * block;
    const std::int64_t count = std::min(block, rows.rows() - first);
    const float* const features =
        rows.features(first, count, buffers[static_cast<std::size_t>(worker)]);
    std::uint32_t largest = 0;
    for (std::int64_t i = 0; i < count * width; ++i) {
      largest = std::max(largest, std::bit_cast<std::uint32_t>(features[i]) & 0x7FFFFFFFU);
    }
    for (std::int64_t i = 0; largest >= infinity && i < count * width; ++i) {
      if (!std::isfinite(features[i])) {
        throw InputError(Location{folder + "/" + features_name},
                         fmt::format("row {}, column {} (counted from 0) is not a finite number",
                                     data::grouped(first + i / width), i % width));
      }
    }
  });
}

void check_values(const RowSource& rows, const std::string& folder) {
  RowBuffer buffer;
  double weight_sum = rows.has_weights() ? 0.0 : 1.0;
  for_each_block(rows, [&](std::int64_t first, std::int64_t count) {
    const double* const targets = rows.targets(first, count, buffer);
    for (std::int64_t i = 0; targets != nullptr && i < count * rows.outputs(); ++i) {
      if (!std::isfinite(targets[i])) {
        fail_at(folder, targets_name, first * rows.outputs() + i, "is not a finite number");
      }
    }
    const std::int32_t* const labels = rows.labels(first, count, buffer);
    for (std::int64_t i = 0; labels != nullptr && i < count; ++i) {
      if (labels[i] < 0 || labels[i] >= rows.outputs()) {
        fail_at(
            folder, targets_name, first + i,
            fmt::format("is {}: there are {} classes, numbered from 0", labels[i], rows.outputs()));
      }
    }
    const double* const weights = rows.weights(first, count, buffer);
    for (std::int64_t i = 0; weights != nullptr && i < count; ++i) {
      if (!(weights[i] >= 0.0) || !std::isfinite(weights[i])) {
        fail_at(folder, weights_name, first + i, "is not a weight of 0 or more");
      }
      weight_sum += weights[i];
    }
  });
  if (weight_sum <= 0.0) {
    throw InputError(Location{folder + "/" + weights_name},
                     "all weights are zero: at least one must be positive");
  }
}

// All rows in memory, the features by memory map. Training changes them in place, so their pages
// are made the process's own at once: a page that was read first would cost a copy and an interrupt
// of every other processor when it is written.
std::shared_ptr<RowSource> mapped(const data::FileRows& rows, const data::ElementFile& features,
                                  kernels::ThreadPool& pool) {
  Dataset data;
  data.schema = rows.schema();
  data.features = FeatureMatrix::mapped(features.descriptor(), features.start(), rows.rows(),
                                        rows.feature_count());
  const std::int64_t n = rows.rows();
  const std::int64_t block =
      std::max<std::int64_t>(1, (std::int64_t{1} << 20) / (4 * rows.feature_count()));
  pool.for_each((n + block - 1) / block, [&](std::int64_t b, int /*worker*/) {
    data.features.prepare_rows(b * block, std::min(block, n - b * block));
  });
  features.expect_unchanged();  // since it was checked
  RowBuffer buffer;
  if (rows.classifies()) {
    const std::int32_t* const labels = rows.labels(0, n, buffer);
    data.labels.assign(labels, labels + n);
  } else {
    const double* const targets = rows.targets(0, n, buffer);
    data.targets.assign(targets, targets + n * rows.outputs());
  }
  if (rows.has_weights()) {
    const double* const weights = rows.weights(0, n, buffer);
    data.weights.assign(weights, weights + n);
  }
  return std::make_shared<DatasetRows>(std::move(data));
}

}  // namespace

void write_table(const RowSource& rows, const std::string& folder, const WriteProgress& progress) {
  NewFolder made(folder);
  RowBuffer buffer;
  ArrayFile<float> features(made.file(features_name), "<f4", {rows.rows(), rows.feature_count()});
  for_each_block(rows, [&](std::int64_t first, std::int64_t count) {
    rows.will_read(first + count, std::min(count, rows.rows() - first - count));
    features.write(rows.features(first, count, buffer), count * rows.feature_count());
    if (progress) {
      progress(first + count, rows.rows());
    }
  });
  features.commit();
  write_targets(rows, made);
  write_schema(rows, made);
  made.commit();
}

std::shared_ptr<RowSource> open_table(const std::string& folder, const RowStorage& storage,
                                      int threads) {
  const auto file = [&](const char* name) { return folder + "/" + name; };
  const data::JsonFile json(file(schema_name), "table", format_name, format_version);
  Schema schema = json.schema();
  const auto n = json.value<std::int64_t>(json.json(), "rows");
  const std::int64_t d = schema.feature_count();
  const bool classifies = !schema.classes.empty();
  const auto outputs = static_cast<std::int64_t>(schema.target_names.size());
  if (n < 1 || d < 1 || outputs < 1 || (classifies && outputs != 1)) {
    json.fail("promises no rows, no features or no target");
  }
  data::RowFiles files;
  files.features = open_array(file(features_name), "<f4", {n, d});
  const data::ElementFile features = open_array(file(features_name), "<f4", {n, d});
  (classifies ? files.labels : files.targets) = open_array(
      file(targets_name), classifies ? "<i4" : "<f8", rows_by(n, classifies ? 1 : outputs));
  if (!schema.weight_name.empty()) {
    files.weights = open_array(file(weights_name), "<f8", {n});
  }
  const std::int64_t bytes =
      n * (4 * d + 16 * (classifies ? 1 : outputs) + (schema.weight_name.empty() ? 0 : 16));
  auto rows = std::make_shared<data::FileRows>(
      std::move(files), n, std::move(schema), data::RowEncoding{}, data::LabelRule{}, std::nullopt);
  check_values(*rows, folder);
  kernels::ThreadPool pool(threads);
  check_features(*rows, folder, pool);
  const bool fits = storage.memory_bytes <= 0 || bytes <= storage.memory_bytes;
  if (fits && features.start() % 64 == 0) {
    return mapped(*rows, features, pool);
  }
  return rows;
}

}  // namespace steepest
