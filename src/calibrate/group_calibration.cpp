// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "src/calibrate/delegating_logits.hpp"
#include "src/data/excerpt.hpp"
#include "steepest/calibrate_groups.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

class GroupedLogits final : public calibrate::RescaledLogits {
 public:
  GroupedLogits(const LogitRows& rows, const RowGroups& groups, std::vector<double> betas)
      : RescaledLogits(rows), groups_(groups), betas_(std::move(betas)) {}

 protected:
  void rescale(std::int64_t first, std::int64_t count, double* logits) const override {
    for (std::int64_t r = 0; r < count; ++r, logits += classes()) {
      const auto group =
          static_cast<std::size_t>(groups_.of_row[static_cast<std::size_t>(first + r)]);
      std::transform(logits, logits + classes(), logits,
                     [beta = betas_[group]](double z) { return beta * z; });
    }
  }

 private:
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

// Of some rows; undetermined, of none, where none of them can be used.
Calibration temperature_of(const LogitRows& rows, std::vector<std::int64_t> members,
                           const CalibrationOptions& options) {
  const auto count = static_cast<std::int64_t>(members.size());
  if (count > 0) {
    try {
      return calibrate_temperature(calibrate::ChosenRows(rows, std::move(members)), options);
    } catch (const InputError&) {  // all rows together had no other
      if (options.bad_rows != BadRowPolicy::skip) {
        throw;
      }
    }
  }
  Calibration none;
  none.log_temperature_standard_error = std::numeric_limits<double>::infinity();
  none.rows_skipped = count;
  return none;
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
  if (options.valid_fraction > 0.0) {
    throw OptionError(
        "--valid-fraction does not go with --group: put rows aside, and judge on "
        "them with --use");
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
    result.groups.push_back({groups.names[g], temperature_of(rows, std::move(members[g]), plain)});
    warn(result.groups.back(), result.warnings);
  }
  ScoreMeasurement measured =
      measure_scores(GroupedLogits(rows, groups, result.betas()), plain, progress);
  result.after = std::move(measured.metrics);
  result.ece_after = measured.ece;
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
