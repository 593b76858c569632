// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/delegating_logits.hpp"

#include <algorithm>

#include "src/calibrate/logit_values.hpp"

namespace steepest::calibrate {
namespace {

const double* values(const LogitBlock& block, const double* /*type*/) { return block.doubles; }
const float* values(const LogitBlock& block, const float* /*type*/) { return block.floats; }

}  // namespace

LogitBlock RescaledLogits::read(std::int64_t first, std::int64_t count, LogitBuffer& buffer) const {
  const LogitBlock block = below().read(first, count, buffer);
  const std::int64_t elements = count * classes();
  std::vector<double> below_values;  // they may lie where the changed ones will
  if (block.doubles != nullptr) {
    below_values.assign(block.doubles, block.doubles + elements);
  }
  double* const to = line_aligned(buffer.doubles, elements);
  if (block.doubles != nullptr) {
    std::copy(below_values.begin(), below_values.end(), to);
  } else {
    std::copy_n(block.floats, elements, to);
  }
  rescale(first, count, to);
  return {nullptr, to, block.labels};
}

template <class T>
void ChosenRows::gather(std::int64_t first, std::int64_t count, std::int32_t* labels, T* to) const {
  LogitBuffer memory;
  const std::int64_t* const numbers = chosen_.data() + first;
  for (std::int64_t begin = 0; begin < count;) {
    std::int64_t end = begin + 1;
    while (end < count && numbers[end] == numbers[begin] + end - begin &&
           end - begin < below().block_rows()) {
      ++end;
    }
    const LogitBlock block = below().read(numbers[begin], end - begin, memory);
    std::copy_n(values(block, to), (end - begin) * classes(), to + begin * classes());
    std::copy_n(block.labels, end - begin, labels + begin);
    begin = end;
  }
}

LogitBlock ChosenRows::read(std::int64_t first, std::int64_t count, LogitBuffer& buffer) const {
  buffer.labels.resize(static_cast<std::size_t>(count));
  if (holds_doubles()) {
    double* const to = line_aligned(buffer.doubles, count * classes());
    gather(first, count, buffer.labels.data(), to);
    return {nullptr, to, buffer.labels.data()};
  }
  float* const to = line_aligned(buffer.floats, count * classes());
  gather(first, count, buffer.labels.data(), to);
  return {to, nullptr, buffer.labels.data()};
}

}  // namespace steepest::calibrate
