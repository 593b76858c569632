// SPDX-License-Identifier: Apache-2.0
// Calibrated probabilities or logits as a .npy file, in blocks.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "kernels/tempered_sums.hpp"
#include "src/calibrate/row_blocks.hpp"
#include "src/data/npy.hpp"
#include "steepest/calibrate.hpp"
#include "steepest/error.hpp"
#include "steepest/output_file.hpp"

namespace steepest {
namespace {

using calibrate::blocks_at_once;

// One row of softmax(beta z) or beta z. False when it holds what is no logit.
template <class T>
bool calibrate_row(const T* z, std::int64_t classes, double beta, CalibratedOutput output, T* to) {
  double largest = -std::numeric_limits<double>::infinity();
  for (std::int64_t c = 0; c < classes; ++c) {
    const auto value = static_cast<double>(z[c]);
    const bool is_masked = std::isinf(value) && value < 0.0;
    if (!is_masked && !(std::fabs(value) <= kernels::largest_logit)) {
      return false;
    }
    largest = std::max(largest, value);
  }
  if (std::isinf(largest)) {
    return false;
  }
  if (output == CalibratedOutput::logits) {
    std::transform(z, z + classes, to, [beta](T value) { return static_cast<T>(beta * value); });
    return true;
  }
  double total = 0.0;
  for (std::int64_t c = 0; c < classes; ++c) {
    const double power = std::exp(beta * (static_cast<double>(z[c]) - largest));
    total += power;
    to[c] = static_cast<T>(power);
  }
  const double scale = 1.0 / total;
  std::transform(to, to + classes, to, [scale](T power) { return static_cast<T>(power * scale); });
  return true;
}

template <class T>
void calibrate_block(const LogitRows& rows, const T* z, std::int64_t first, std::int64_t count,
                     double beta, CalibratedOutput output, std::string& bytes) {
  const std::int64_t classes = rows.classes();
  std::vector<T> row(static_cast<std::size_t>(classes));
  const std::size_t row_bytes = row.size() * sizeof(T);
  bytes.clear();
  for (std::int64_t r = 0; r < count; ++r) {
    if (!calibrate_row(z + r * classes, classes, beta, output, row.data())) {
      throw InputError(Location{rows.name()},
                       fmt::format("row {} (from 0) has no calibrated probabilities: it holds NaN, "
                                   "+inf or a number beyond 1e30, or every class is -inf",
                                   first + r));
    }
    bytes.append(reinterpret_cast<const char*>(row.data()), row_bytes);
  }
}

}  // namespace

void write_calibrated(const LogitRows& rows, double beta, CalibratedOutput output,
                      const std::string& path, int threads, const ReadProgress& progress) {
  kernels::ThreadPool pool(threads);
  OutputFile file(path);
  file.write(data::npy_header(rows.holds_doubles() ? "<f8" : "<f4", {rows.rows(), rows.classes()}));
  const std::int64_t size = rows.block_rows();
  const std::int64_t blocks = calibrate::block_count(rows);
  // As many bytes in flight as a few threads fill.
  const std::int64_t at_once =
      std::min<std::int64_t>(blocks_at_once, std::int64_t{4} * pool.threads());
  std::vector<LogitBuffer> buffers(static_cast<std::size_t>(pool.threads()));
  std::vector<std::string> bytes(static_cast<std::size_t>(at_once));
  for (std::int64_t done = 0; done < blocks; done += at_once) {
    const std::int64_t count = std::min(at_once, blocks - done);
    pool.for_each(count, [&](std::int64_t index, int worker) {
      const std::int64_t first = (done + index) * size;
      const std::int64_t in_block = std::min(size, rows.rows() - first);
      const LogitBlock block =
          rows.read(first, in_block, buffers[static_cast<std::size_t>(worker)]);
      std::string& to = bytes[static_cast<std::size_t>(index)];
      if (block.doubles != nullptr) {
        calibrate_block(rows, block.doubles, first, in_block, beta, output, to);
      } else {
        calibrate_block(rows, block.floats, first, in_block, beta, output, to);
      }
    });
    for (std::int64_t index = 0; index < count; ++index) {
      file.write(bytes[static_cast<std::size_t>(index)]);
    }
    calibrate::tell(progress, rows, std::min((done + count) * size, rows.rows()));
  }
  file.commit();
}

}  // namespace steepest
