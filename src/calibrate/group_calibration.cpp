// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "src/calibrate/logit_values.hpp"
#include "src/data/excerpt.hpp"
#include "steepest/calibrate_groups.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

// Some rows of others, by their numbers in ascending order. Runs of neighbours are read at once.
class ChosenRows final : public LogitRows {
 public:
  ChosenRows(const LogitRows& rows, std::vector<std::int64_t> chosen)
      : rows_(rows), chosen_(std::move(chosen)) {}

  [[nodiscard]] std::int64_t rows() const override {
    return static_cast<std::int64_t>(chosen_.size());
  }
  [[nodiscard]] std::int64_t classes() const override { return rows_.classes(); }
  [[nodiscard]] bool holds_doubles() const override { return rows_.holds_doubles(); }
  [[nodiscard]] std::string name() const override { return rows_.name(); }
  [[nodiscard]] bool is_file() const override { return rows_.is_file(); }
  [[nodiscard]] std::int64_t bytes_read() const override { return rows_.bytes_read(); }

  LogitBlock read(std::int64_t first, std::int64_t count, LogitBuffer& buffer) const override {
    LogitBuffer below;
    buffer.labels.resize(static_cast<std::size_t>(count));
    if (holds_doubles()) {
      double* const to = calibrate::line_aligned(buffer.doubles, count * classes());
      gather(first, count, below, buffer.labels.data(), to);
      return {nullptr, to, buffer.labels.data()};
    }
    float* const to = calibrate::line_aligned(buffer.floats, count * classes());
    gather(first, count, below, buffer.labels.data(), to);
    return {to, nullptr, buffer.labels.data()};
  }

 private:
  static const double* values(const LogitBlock& block, const double* /*type*/) {
    return block.doubles;
  }
  static const float* values(const LogitBlock& block, const float* /*type*/) {
    return block.floats;
  }

  template <class T>
  void gather(std::int64_t first, std::int64_t count, LogitBuffer& below, std::int32_t* labels,
              T* to) const {
    const std::int64_t* const numbers = chosen_.data() + first;
    for (std::int64_t begin = 0; begin < count;) {
      std::int64_t end = begin + 1;
      while (end < count && numbers[end] == numbers[begin] + end - begin &&
             end - begin < rows_.block_rows()) {
        ++end;
      }
      const LogitBlock block = rows_.read(numbers[begin], end - begin, below);
      std::copy_n(values(block, to), (end - begin) * classes(), to + begin * classes());
      std::copy_n(block.labels, end - begin, labels + begin);
      begin = end;
    }
  }

  const LogitRows& rows_;
  std::vector<std::int64_t> chosen_;
};

class GroupedLogits final : public LogitRows {
 public:
  GroupedLogits(const LogitRows& rows, const RowGroups& groups, std::vector<double> betas)
      : rows_(rows), groups_(groups), betas_(std::move(betas)) {}

  [[nodiscard]] std::int64_t rows() const override { return rows_.rows(); }
  [[nodiscard]] std::int64_t classes() const override { return rows_.classes(); }
  [[nodiscard]] bool holds_doubles() const override { return true; }
  [[nodiscard]] std::string name() const override { return rows_.name(); }
  [[nodiscard]] bool is_file() const override { return rows_.is_file(); }
  [[nodiscard]] std::int64_t block_rows() const override { return rows_.block_rows(); }
  [[nodiscard]] std::int64_t bytes_read() const override { return rows_.bytes_read(); }
  [[nodiscard]] std::int64_t bytes_total() const override { return rows_.bytes_total(); }

  LogitBlock read(std::int64_t first, std::int64_t count, LogitBuffer& buffer) const override {
    const LogitBlock block = rows_.read(first, count, buffer);
    std::vector<double> scaled(static_cast<std::size_t>(count * classes()));
    for (std::int64_t r = 0; r < count; ++r) {
      const auto group =
          static_cast<std::size_t>(groups_.of_row[static_cast<std::size_t>(first + r)]);
      for (std::int64_t i = r * classes(); i < (r + 1) * classes(); ++i) {
        const double z =
            block.doubles == nullptr ? static_cast<double>(block.floats[i]) : block.doubles[i];
        scaled[static_cast<std::size_t>(i)] = betas_[group] * z;
      }
    }
    double* const to = calibrate::line_aligned(buffer.doubles, count * classes());
    std::copy(scaled.begin(), scaled.end(), to);
    return {nullptr, to, block.labels};
  }

 private:
  const LogitRows& rows_;
  const RowGroups& groups_;
  std::vector<double> betas_;
};

void warn(const GroupTemperature& group, std::vector<std::string>& warnings) {
  if (group.calibration.status != CalibrationStatus::solved) {
    warnings.push_back(fmt::format(
        "group {} has no temperature of its own (status {}, {} rows): that of all rows is used",
        data::quoted(group.name), name(group.calibration.status),
        data::grouped(group.calibration.rows)));
  }
}

}  // namespace

std::vector<double> GroupCalibration::betas() const {
  std::vector<double> result;
  for (const GroupTemperature& group : groups) {
    const bool own = group.calibration.status == CalibrationStatus::solved;
    result.push_back(own ? group.calibration.beta : all.beta);
  }
  return result;
}

GroupCalibration calibrate_groups(const LogitRows& rows, const RowGroups& groups,
                                  const CalibrationOptions& options, const ReadProgress& progress) {
  if (static_cast<std::int64_t>(groups.of_row.size()) != rows.rows()) {
    throw OptionError(fmt::format("there are groups for {} rows, and {} rows of logits",
                                  groups.of_row.size(), rows.rows()));
  }
  GroupCalibration result;
  result.all = calibrate_temperature(rows, options, progress);
  if (result.all.status != CalibrationStatus::solved) {
    throw InputError(Location{rows.name()},
                     fmt::format("all rows together have no temperature (status {}), so groups of "
                                 "them are not compared with it",
                                 name(result.all.status)));
  }
  std::vector<std::vector<std::int64_t>> members(groups.names.size());
  for (std::size_t r = 0; r < groups.of_row.size(); ++r) {
    members[static_cast<std::size_t>(groups.of_row[r])].push_back(static_cast<std::int64_t>(r));
  }
  CalibrationOptions plain = options;
  plain.curve_points = 0;
  for (std::size_t g = 0; g < members.size(); ++g) {
    if (!members[g].empty()) {
      const ChosenRows chosen(rows, std::move(members[g]));
      result.groups.push_back({groups.names[g], calibrate_temperature(chosen, plain)});
    } else {
      result.groups.push_back({groups.names[g], {}});
    }
    warn(result.groups.back(), result.warnings);
  }
  plain.bootstrap = 0;
  plain.smoothing = 0.0;
  result.after = calibrate_temperature(GroupedLogits(rows, groups, result.betas()), plain).before;
  if (!(result.after.nll < result.all.after->nll)) {
    result.warnings.emplace_back(
        "temperatures by group fit no better than one for all: the groups need none");
  }
  return result;
}

std::unique_ptr<LogitRows> grouped_logits(const LogitRows& rows, const RowGroups& groups,
                                          std::vector<double> betas) {
  return std::make_unique<GroupedLogits>(rows, groups, std::move(betas));
}

}  // namespace steepest
