// SPDX-License-Identifier: Apache-2.0
// The arrays are what FileRows reads anyway, behind NumPy's headers.
#include "steepest/table_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "kernels/thread_pool.hpp"
#include "src/data/excerpt.hpp"
#include "src/data/file_rows.hpp"
#include "src/data/json_file.hpp"
#include "src/data/kept_write.hpp"
#include "src/data/new_folder.hpp"
#include "src/data/npy.hpp"
#include "steepest/error.hpp"
#include "steepest/output_file.hpp"
#include "steepest/version.hpp"

namespace steepest {
namespace {

using data::Json;

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

// Calls body(first, count) for all rows from `begin` on, a few megabytes at a time.
template <class Body>
void for_each_block(const RowSource& rows, Body body, std::int64_t begin = 0) {
  const std::int64_t row_bytes = 4 * rows.feature_count() + 8 * rows.outputs() + 8;
  const std::int64_t block =
      std::clamp<std::int64_t>((std::int64_t{4} << 20) / row_bytes, 1, rows.rows());
  for (std::int64_t first = begin; first < rows.rows(); first += block) {
    body(first, std::min(block, rows.rows() - first));
  }
}

void write_targets(const RowSource& rows, const data::NewFolder& folder) {
  RowBuffer buffer;
  if (rows.classifies()) {
    ArrayFile<std::int32_t> file(folder.file(data::targets_name), "<i4", {rows.rows()});
    for_each_block(rows, [&](std::int64_t first, std::int64_t count) {
      file.write(rows.labels(first, count, buffer), count);
    });
    file.commit();
  } else {
    ArrayFile<double> file(folder.file(data::targets_name), "<f8",
                           rows_by(rows.rows(), rows.outputs()));
    for_each_block(rows, [&](std::int64_t first, std::int64_t count) {
      file.write(rows.targets(first, count, buffer), count * rows.outputs());
    });
    file.commit();
  }
  if (rows.has_weights()) {
    ArrayFile<double> file(folder.file(data::weights_name), "<f8", {rows.rows()});
    for_each_block(rows, [&](std::int64_t first, std::int64_t count) {
      file.write(rows.weights(first, count, buffer), count);
    });
    file.commit();
  }
}

void write_schema(const RowSource& rows, const data::NewFolder& folder) {
  Json json{{"format", data::table_format_name}, {"format_version", data::table_format_version}};
  json["steepest_version"] = version;
  json["rows"] = rows.rows();
  data::add_schema(rows.schema(), json);
  OutputFile file(folder.file(data::schema_name));
  file.write(json.dump(1, ' ', false, Json::error_handler_t::replace));
  file.write("\n");
  file.commit();
}

// The features, from where `kept` says on.
class FeatureWriting {
 public:
  FeatureWriting(const RowSource& rows, data::NewFolder& folder, data::KeptWrite& kept)
      : rows_(rows),
        folder_(folder),
        kept_(kept),
        header_(data::npy_header("<f4", {rows.rows(), rows.feature_count()})),
        row_bytes_(rows.feature_count() * static_cast<std::int64_t>(sizeof(float))),
        file_(data::ElementFile::kept(folder.file(data::features_name), !folder.goes_on())) {
    if (!folder.goes_on() || kept.rows > rows.rows()) {
      begin_anew();
    } else if (file_.size() < end_of(kept.rows) ||
               !data::has_sum(file_, end_of(0), kept.rows * row_bytes_, kept.sum)) {
      kept_.warn(file_.name() +
                 " is not what was written: its checksum does not match; it is "
                 "written from its beginning");
      begin_anew();
    }
    kept_.part = folder.identity();
    file_.write(header_.data(), std::ssize(header_), 0);
  }

  void to_end(const WriteProgress& progress) {
    RowBuffer buffer;
    const auto write = [&](std::int64_t first, std::int64_t count) {
      rows_.will_read(first + count, std::min(count, rows_.rows() - first - count));
      const float* const features = rows_.features(first, count, buffer);
      file_.write(features, count * row_bytes_, end_of(first));
      kept_.sum.add(features, count * row_bytes_, first * row_bytes_);
      report(first + count, progress);
    };
    for_each_block(rows_, write, kept_.rows);
    file_.sync();
  }

 private:
  void begin_anew() {
    kept_.rows = 0;
    kept_.sum.clear();
  }

  [[nodiscard]] std::int64_t end_of(std::int64_t rows) const {
    return std::ssize(header_) + rows * row_bytes_;
  }

  void report(std::int64_t rows, const WriteProgress& progress) {
    try {
      if (progress) {
        progress(rows, rows_.rows());
      }
    } catch (...) {
      if (kept_.save) {
        save(rows);
        folder_.keep();
      }
      throw;
    }
    if (kept_.save && kept_.is_due()) {
      save(rows);
    }
  }

  void save(std::int64_t rows) {
    file_.sync();
    kept_.rows = rows;
    kept_.save();
  }

  const RowSource& rows_;
  data::NewFolder& folder_;
  data::KeptWrite& kept_;
  std::string header_;
  std::int64_t row_bytes_;
  data::ElementFile file_;
};

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
        throw InputError(Location{folder + "/" + data::features_name},
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
        fail_at(folder, data::targets_name, first * rows.outputs() + i, "is not a finite number");
      }
    }
    const std::int32_t* const labels = rows.labels(first, count, buffer);
    for (std::int64_t i = 0; labels != nullptr && i < count; ++i) {
      if (labels[i] < 0 || labels[i] >= rows.outputs()) {
        fail_at(
            folder, data::targets_name, first + i,
            fmt::format("is {}: there are {} classes, numbered from 0", labels[i], rows.outputs()));
      }
    }
    const double* const weights = rows.weights(first, count, buffer);
    for (std::int64_t i = 0; weights != nullptr && i < count; ++i) {
      if (!(weights[i] >= 0.0) || !std::isfinite(weights[i])) {
        fail_at(folder, data::weights_name, first + i, "is not a weight of 0 or more");
      }
      weight_sum += weights[i];
    }
  });
  if (weight_sum <= 0.0) {
    throw InputError(Location{folder + "/" + data::weights_name},
                     "all weights are zero: at least one must be positive");
  }
}

// All rows in memory.
std::shared_ptr<RowSource> in_memory(const data::FileRows& rows, const data::ElementFile& features,
                                     kernels::ThreadPool& pool) {
  Dataset data;
  data.schema = rows.schema();
  const std::int64_t n = rows.rows();
  data.features = FeatureMatrix(n, rows.feature_count());
  constexpr std::int64_t block_bytes = std::int64_t{2} << 20;  // a large page
  const std::int64_t bytes = data.features.bytes();
  pool.for_each((bytes + block_bytes - 1) / block_bytes, [&](std::int64_t b, int /*worker*/) {
    const std::int64_t first = b * block_bytes;
    features.read(reinterpret_cast<char*>(data.features.data()) + first,
                  std::min(block_bytes, bytes - first), first);
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

void data::write_table(const RowSource& rows, const std::string& folder,
                       const WriteProgress& progress, KeptWrite& kept) {
  NewFolder made(folder, kept.part);
  FeatureWriting(rows, made, kept).to_end(progress);
  write_targets(rows, made);
  write_schema(rows, made);
  made.commit();
}

void write_table(const RowSource& rows, const std::string& folder, const WriteProgress& progress) {
  data::KeptWrite anew;
  data::write_table(rows, folder, progress, anew);
}

std::shared_ptr<RowSource> open_table(const std::string& folder, const RowStorage& storage,
                                      int threads) {
  const auto file = [&](const char* name) { return folder + "/" + name; };
  const data::JsonFile json(file(data::schema_name), "table", data::table_format_name,
                            data::table_format_version);
  Schema schema = json.schema();
  const auto n = json.value<std::int64_t>(json.json(), "rows");
  const std::int64_t d = schema.feature_count();
  const bool classifies = !schema.classes.empty();
  const auto outputs = static_cast<std::int64_t>(schema.target_names.size());
  if (n < 1 || d < 1 || outputs < 1 || (classifies && outputs != 1)) {
    json.fail("promises no rows, no features or no target");
  }
  data::RowFiles files;
  files.features = open_array(file(data::features_name), "<f4", {n, d});
  const data::ElementFile features = open_array(file(data::features_name), "<f4", {n, d});
  (classifies ? files.labels : files.targets) = open_array(
      file(data::targets_name), classifies ? "<i4" : "<f8", rows_by(n, classifies ? 1 : outputs));
  if (!schema.weight_name.empty()) {
    files.weights = open_array(file(data::weights_name), "<f8", {n});
  }
  const std::int64_t bytes =
      n * (4 * d + 16 * (classifies ? 1 : outputs) + (schema.weight_name.empty() ? 0 : 16));
  auto rows = std::make_shared<data::FileRows>(
      std::move(files), n, std::move(schema), data::RowEncoding{}, data::LabelRule{}, std::nullopt);
  check_values(*rows, folder);
  kernels::ThreadPool pool(threads);
  check_features(*rows, folder, pool);
  const bool fits = storage.memory_bytes <= 0 || bytes <= storage.memory_bytes;
  return fits ? in_memory(*rows, features, pool) : rows;
}

}  // namespace steepest
