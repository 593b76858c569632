// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/loaded_logits.hpp"

#include <algorithm>

#include "kernels/tempered_sums.hpp"
#include "src/calibrate/row_blocks.hpp"

namespace steepest::calibrate {

LoadedLogits::LoadedLogits(const LogitRows& from, bool as_doubles, kernels::ThreadPool& pool,
                           const ReadProgress& progress)
    : rows_(from.rows()), classes_(from.classes()), name_(from.name()), labels_(rows_) {
  const std::int64_t elements = rows_ * classes_ + kernels::logits_tail;
  if (as_doubles) {
    doubles_ = RawLines<double>(elements);
    std::fill_n(doubles_.data() + rows_ * classes_, kernels::logits_tail, 0.0);
  } else {
    floats_ = RawLines<float>(elements);
    std::fill_n(floats_.data() + rows_ * classes_, kernels::logits_tail, 0.0F);
  }
  std::vector<LogitBuffer> buffers(static_cast<std::size_t>(pool.threads()));
  for_blocks_of_rows(from, pool, progress, [&](std::int64_t first, std::int64_t count, int worker) {
    copy(from.read(first, count, buffers[static_cast<std::size_t>(worker)]), first, count);
  });
}

void LoadedLogits::copy(const LogitBlock& block, std::int64_t first, std::int64_t count) {
  const auto copy_to = [&](auto* to, const auto* source) {
    std::copy_n(source, count * classes_, to + first * classes_);
  };
  if (block.doubles != nullptr) {
    copy_to(doubles_.data(), block.doubles);
  } else if (holds_doubles()) {
    copy_to(doubles_.data(), block.floats);
  } else {
    copy_to(floats_.data(), block.floats);
  }
  std::copy_n(block.labels, count, labels_.data() + first);
}

LogitBlock LoadedLogits::read(std::int64_t first, std::int64_t /*count*/,
                              LogitBuffer& /*buffer*/) const {
  LogitBlock block;
  if (holds_doubles()) {
    block.doubles = doubles_.data() + first * classes_;
  } else {
    block.floats = floats_.data() + first * classes_;
  }
  block.labels = labels_.data() + first;
  return block;
}

}  // namespace steepest::calibrate
