// SPDX-License-Identifier: Apache-2.0
#include "src/data/column_relations.hpp"

#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <utility>

#include "src/data/excerpt.hpp"

namespace steepest::data {
namespace {

constexpr std::size_t most_relations = 50;
constexpr std::size_t most_members = 12;

// Of a column's variance: what others may leave unsaid, and what a factor must say to be named.
constexpr double unsaid = 1e-7;
constexpr double named = 1e-4;

// More than this many multiplications take longer than they are worth.
constexpr double most_work = 1e9;

// Columns that vary, centred and divided by their deviation.
struct Standardized {
  std::vector<std::int64_t> columns;
  std::vector<double> mean;
  std::vector<double> deviation;
  Eigen::MatrixXd values;  // (rows, columns)
};

Standardized standardized(const std::vector<double>& values, std::int64_t rows,
                          std::int64_t columns) {
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const RowMajor> all(values.data(), rows, columns);
  Standardized result;
  result.values.resize(rows, columns);
  for (std::int64_t j = 0; j < columns; ++j) {
    const double mean = all.col(j).mean();
    const double deviation =
        std::sqrt((all.col(j).array() - mean).square().sum() / static_cast<double>(rows));
    if (!(deviation > 1e-12 * std::fabs(mean)) || !std::isfinite(deviation)) {
      continue;
    }
    const auto kept = static_cast<std::int64_t>(result.columns.size());
    result.values.col(kept) = (all.col(j).array() - mean) / deviation;
    result.columns.push_back(j);
    result.mean.push_back(mean);
    result.deviation.push_back(deviation);
  }
  result.values.conservativeResize(rows, static_cast<std::int64_t>(result.columns.size()));
  return result;
}

}  // namespace

ColumnRelations::ColumnRelations(const std::vector<double>& values, std::int64_t rows,
                                 std::int64_t columns) {
  constexpr std::int64_t fewest_rows = 8;
  if (rows < fewest_rows) {
    return;
  }
  const auto width = static_cast<double>(columns);
  const double work = width * width * (static_cast<double>(rows) + width);
  if (rows >= columns + 3 && work < most_work) {
    find_dependent(values, rows, columns);
  } else {
    find_copies(values, rows, columns);
  }
}

void ColumnRelations::find_copies(const std::vector<double>& values, std::int64_t rows,
                                  std::int64_t columns) {
  std::map<std::vector<double>, std::int64_t> seen;
  for (std::int64_t j = 0; j < columns; ++j) {
    std::vector<double> column;
    for (std::int64_t i = 0; i < rows; ++i) {
      column.push_back(values[static_cast<std::size_t>(i * columns + j)]);
    }
    const auto [least, most] = std::minmax_element(column.begin(), column.end());
    if (std::any_of(column.begin(), column.end(), [](double v) { return std::isnan(v); }) ||
        *least == *most) {
      continue;
    }
    const auto [at, is_new] = seen.emplace(std::move(column), j);
    if (!is_new) {
      add({j, {at->second}, {1.0}, 0.0});
    }
  }
}

// Columns in order, each against those before it that do not follow from others: a Cholesky
// factorization of the correlations that leaves out what is dependent.
void ColumnRelations::find_dependent(const std::vector<double>& values, std::int64_t rows,
                                     std::int64_t columns) {
  const Standardized data = standardized(values, rows, columns);
  const std::int64_t count = data.values.cols();
  const Eigen::MatrixXd correlation =
      data.values.transpose() * data.values / static_cast<double>(rows);
  Eigen::MatrixXd factor = Eigen::MatrixXd::Zero(count, count);  // rows and columns of those kept
  std::vector<std::int64_t> kept;
  for (std::int64_t j = 0; j < count; ++j) {
    const auto size = static_cast<std::int64_t>(kept.size());
    Eigen::VectorXd said(size);
    for (std::int64_t k = 0; k < size; ++k) {
      said(k) = correlation(kept[static_cast<std::size_t>(k)], j);
    }
    const auto triangle = factor.topLeftCorner(size, size).triangularView<Eigen::Lower>();
    triangle.solveInPlace(said);
    const double left = correlation(j, j) - said.squaredNorm();
    if (left > unsaid) {
      factor.row(size).head(size) = said.transpose();
      factor(size, size) = std::sqrt(left);
      kept.push_back(j);
      continue;
    }
    triangle.transpose().solveInPlace(said);
    ColumnRelation relation;
    const auto at = static_cast<std::size_t>(j);
    relation.column = data.columns[at];
    relation.offset = data.mean[at];
    for (std::int64_t k = 0; k < size; ++k) {
      const auto other = static_cast<std::size_t>(kept[static_cast<std::size_t>(k)]);
      if (std::fabs(said(k)) > named) {
        relation.of.push_back(data.columns[other]);
        relation.factors.push_back(said(k) * data.deviation[at] / data.deviation[other]);
        relation.offset -= relation.factors.back() * data.mean[other];
      }
    }
    if (!relation.of.empty() && relation.of.size() <= most_members) {
      add(std::move(relation));
    }
  }
}

void ColumnRelations::add(ColumnRelation relation) {
  if (held_.size() < most_relations) {
    Held held;
    held.copy = relation.of.size() == 1;
    held.relation = std::move(relation);
    held_.push_back(std::move(held));
  }
}

void ColumnRelations::check(const double* row) {
  for (Held& held : held_) {
    const ColumnRelation& relation = held.relation;
    double left = row[relation.column] - relation.offset;
    for (std::size_t k = 0; k < relation.of.size(); ++k) {
      left -= relation.factors[k] * row[relation.of[k]];
    }
    if (std::isnan(left)) {
      continue;
    }
    if (held.rows == 0.0) {
      held.origin = row[relation.column];
    }
    const double gap = row[relation.column] - held.origin;
    held.rows += 1.0;
    held.sum += gap;
    held.squares += gap * gap;
    held.residual += left * left;
    held.copy = held.copy && row[relation.column] == row[relation.of.front()];
  }
}

std::vector<ColumnRelation> ColumnRelations::holding() const {
  std::vector<ColumnRelation> found;
  for (const Held& held : held_) {
    const double variance = held.squares - held.sum * held.sum / std::max(held.rows, 1.0);
    if (variance > 0.0 && held.residual <= held.relation.tolerance * variance) {
      found.push_back(held.relation);
    }
  }
  return found;
}

bool ColumnRelations::is_copy(const ColumnRelation& relation) const {
  return std::any_of(held_.begin(), held_.end(), [&](const Held& held) {
    return held.copy && held.relation.column == relation.column && held.relation.of == relation.of;
  });
}

std::string describe(const ColumnRelations& relations, const std::vector<std::string>& names,
                     const std::vector<std::string>& sources) {
  constexpr std::size_t shown = 4;
  const std::vector<ColumnRelation> found = relations.holding();
  const auto name = [&](std::int64_t column) {
    return quoted(names[static_cast<std::size_t>(column)]);
  };
  std::string text;
  for (std::size_t i = 0; i < std::min(shown, found.size()); ++i) {
    const ColumnRelation& relation = found[i];
    text += text.empty() ? "" : "; ";
    if (relations.is_copy(relation)) {
      text += fmt::format("{} is a copy of {}", name(relation.column), name(relation.of.front()));
    } else if (relation.of.size() == 1) {
      text += fmt::format("{} is {:.6g} times {}", name(relation.column), relation.factors.front(),
                          name(relation.of.front()));
      const double size = std::fabs(relation.offset);
      text += size > 1e-9 ? fmt::format(" {} {:.6g}", relation.offset < 0.0 ? "-" : "+", size) : "";
    } else {
      std::string members;
      for (const std::int64_t column : relation.of) {
        members += (members.empty() ? "" : ", ") + name(column);
      }
      text += fmt::format("{} follows from {}", name(relation.column), members);
    }
  }
  if (found.size() > shown) {
    text += fmt::format("; and {} more", found.size() - shown);
  }
  if (text.empty()) {
    return text;
  }
  std::vector<std::string> levels;  // columns of which a level is named
  for (std::size_t i = 0; !sources.empty() && i < std::min(shown, found.size()); ++i) {
    std::vector<std::int64_t> members = found[i].of;
    members.push_back(found[i].column);
    for (const std::int64_t member : members) {
      const std::string& source = sources[static_cast<std::size_t>(member)];
      if (source != names[static_cast<std::size_t>(member)] &&
          std::find(levels.begin(), levels.end(), source) == levels.end()) {
        levels.push_back(source);
      }
    }
  }
  const std::string of_levels =
      levels.empty() ? ""
                     : fmt::format(" (levels are part of {}, to be left out as a whole)",
                                   list_of(levels, shown));
  return fmt::format(
      "columns that others already say: {}. Their coefficients share one effect: --ignore one of "
      "each{}",
      text, of_levels);
}

}  // namespace steepest::data
