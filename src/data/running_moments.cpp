// SPDX-License-Identifier: Apache-2.0
#include "src/data/running_moments.hpp"

#include <utility>

namespace steepest::data {

std::vector<std::int64_t> RunningMoments::completed_by(std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> completed;
  const std::lock_guard lock(mutex_);
  for (const std::int64_t end = first + count; first < end;) {
    const std::int64_t block = first / kernels::moment_rows;
    const std::int64_t next = std::min(end, (block + 1) * kernels::moment_rows);
    const auto found = arrived_.try_emplace(block, 0).first;
    found->second += next - first;
    if (found->second == kernels::moment_rows) {
      completed.push_back(block);
      arrived_.erase(found);
    }
    first = next;
  }
  return completed;
}

void RunningMoments::add(std::int64_t block, kernels::ColumnMoments moments) {
  const std::lock_guard lock(mutex_);
  unmerged_.emplace(block, std::move(moments));
  for (auto next = unmerged_.find(next_); next != unmerged_.end(); next = unmerged_.find(next_)) {
    merged_.merge(next->second);
    unmerged_.erase(next);
    ++next_;
  }
}

}  // namespace steepest::data
