// SPDX-License-Identifier: Apache-2.0
#include "steepest/row_source.hpp"

namespace steepest {

std::int64_t RowSource::outputs() const {
  return static_cast<std::int64_t>(classifies() ? schema().classes.size()
                                                : schema().target_names.size());
}

const float* DatasetRows::features(std::int64_t first, std::int64_t /*count*/,
                                   RowBuffer& /*buffer*/) const {
  return data_.features.row(first);
}

const double* DatasetRows::targets(std::int64_t first, std::int64_t /*count*/,
                                   RowBuffer& /*buffer*/) const {
  return data_.targets.empty() ? nullptr : data_.targets.data() + first * outputs();
}

const std::int32_t* DatasetRows::labels(std::int64_t first, std::int64_t /*count*/,
                                        RowBuffer& /*buffer*/) const {
  return data_.labels.empty() ? nullptr : data_.labels.data() + first;
}

const double* DatasetRows::weights(std::int64_t first, std::int64_t /*count*/,
                                   RowBuffer& /*buffer*/) const {
  return data_.weights.empty() ? nullptr : data_.weights.data() + first;
}

}  // namespace steepest
