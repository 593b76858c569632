// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/held_confidences.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>

#include "kernels/elementary.hpp"

namespace steepest::calibrate {
namespace {

// Rows of one block.
constexpr std::int64_t block_rows = 4096;

// Half of a float's bits.
constexpr std::size_t half_range = 65536;

std::size_t cell_of(float value) { return std::bit_cast<std::uint32_t>(value) / half_range; }

// Values of each cell that has a number in `slots`, by that number less 1.
std::vector<std::vector<float>> members_of(const HeldConfidences& held,
                                           const std::vector<std::uint8_t>& slots,
                                           std::size_t count, kernels::ThreadPool& pool) {
  using Members = std::vector<std::vector<float>>;
  std::vector<Members> found(static_cast<std::size_t>(pool.threads()), Members(count));
  pool.for_each((held.rows() + block_rows - 1) / block_rows, [&](std::int64_t block, int worker) {
    Members& members = found[static_cast<std::size_t>(worker)];
    const std::int64_t end = std::min((block + 1) * block_rows, held.rows());
    for (std::int64_t r = block * block_rows; r < end; ++r) {
      const float value = held.values[static_cast<std::size_t>(r)];
      const std::uint8_t slot = slots[cell_of(value)];
      if (slot != 0) {
        members[slot - 1U].push_back(value);
      }
    }
  });
  for (std::size_t worker = 1; worker < found.size(); ++worker) {
    for (std::size_t slot = 0; slot < count; ++slot) {
      found[0][slot].insert(found[0][slot].end(), found[worker][slot].begin(),
                            found[worker][slot].end());
    }
  }
  return std::move(found[0]);
}

}  // namespace

HeldConfidences::HeldConfidences(const RowSketch& sketch, SketchPoint point,
                                 kernels::ThreadPool& pool)
    : values(static_cast<std::size_t>(sketch.rows())), confidences(values.size()) {
  std::vector<std::vector<float>> memory(static_cast<std::size_t>(pool.threads()));
  pool.for_each((sketch.rows() + block_rows - 1) / block_rows, [&](std::int64_t block, int worker) {
    const std::int64_t first = block * block_rows;
    const std::int64_t rows = std::min(block_rows, sketch.rows() - first);
    const float* record = sketch.read(first, rows, memory[static_cast<std::size_t>(worker)]);
    for (auto r = static_cast<std::size_t>(first); r < static_cast<std::size_t>(first + rows);
         ++r) {
      const bool counts = !std::isnan(record[0]);
      values[r] =
          counts ? negative_log_confidence(record, sketch.width(), point) + 0.0F : record[0];
      confidences[r] = -static_cast<double>(values[r]);
      record += sketch.record();
    }
    kernels::exponentials(confidences.data() + first, rows);
    record -= rows * sketch.record();
    for (auto r = static_cast<std::size_t>(first); r < static_cast<std::size_t>(first + rows);
         ++r) {
      confidences[r] = std::isnan(record[0])
                           ? std::numeric_limits<double>::quiet_NaN()
                           : std::copysign(confidences[r], std::signbit(record[0]) ? -1.0 : 1.0);
      record += sketch.record();
    }
  });
}

namespace {

// How many values come before each cell.
std::vector<std::int64_t> begins_of_cells(const HeldConfidences& held, kernels::ThreadPool& pool) {
  std::vector<std::vector<std::int64_t>> counts(static_cast<std::size_t>(pool.threads()),
                                                std::vector<std::int64_t>(half_range + 1));
  pool.for_each((held.rows() + block_rows - 1) / block_rows, [&](std::int64_t block, int worker) {
    std::vector<std::int64_t>& to = counts[static_cast<std::size_t>(worker)];
    const std::int64_t end = std::min((block + 1) * block_rows, held.rows());
    for (std::int64_t r = block * block_rows; r < end; ++r) {
      ++to[cell_of(held.values[static_cast<std::size_t>(r)]) + 1];
    }
  });
  for (std::size_t worker = 1; worker < counts.size(); ++worker) {
    std::transform(counts[0].begin(), counts[0].end(), counts[worker].begin(), counts[0].begin(),
                   std::plus<>());
  }
  std::partial_sum(counts[0].begin(), counts[0].end(), counts[0].begin());
  return std::move(counts[0]);
}

}  // namespace

// Floats not below 0 are in the order of their bits: only values whose upper halves hold a rank are
// put in order, as far as it takes. NaN comes last.
std::vector<double> confidences_at_ranks(const HeldConfidences& held,
                                         const std::vector<std::int64_t>& ranks,
                                         kernels::ThreadPool& pool) {
  const std::vector<std::int64_t> begins = begins_of_cells(held, pool);
  std::vector<std::uint8_t> slots(half_range);
  std::vector<std::size_t> cells;  // of each slot
  std::vector<std::size_t> slot_of_rank;
  for (const std::int64_t rank : ranks) {
    const auto cell = static_cast<std::size_t>(
        std::upper_bound(begins.begin(), begins.end(), rank) - begins.begin() - 1);
    if (slots[cell] == 0) {
      cells.push_back(cell);
      slots[cell] = static_cast<std::uint8_t>(cells.size());
    }
    slot_of_rank.push_back(slots[cell] - std::size_t{1});
  }
  auto members = members_of(held, slots, cells.size(), pool);
  std::vector<std::ptrdiff_t> ordered(cells.size());  // values in their places so far
  std::vector<double> found;
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    std::vector<float>& values = members[slot_of_rank[r]];
    const std::ptrdiff_t place = ranks[r] - begins[cells[slot_of_rank[r]]];
    std::ptrdiff_t& first = ordered[slot_of_rank[r]];
    if (place >= first) {
      std::nth_element(values.begin() + first, values.begin() + place, values.end());
      first = place + 1;
    }
    found.push_back(-static_cast<double>(values[static_cast<std::size_t>(place)]));
  }
  kernels::exponentials(found.data(), static_cast<std::int64_t>(found.size()));
  return found;
}

}  // namespace steepest::calibrate
