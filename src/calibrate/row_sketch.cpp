// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/row_sketch.hpp"

#include <cmath>
#include <numbers>

#include "src/calibrate/hermite.hpp"

namespace steepest::calibrate {
namespace {

constexpr std::int64_t taylor_width = 3;

// Coefficients enough for 1e-7 over windows of these half-widths, in units of log T.
std::int64_t width_of(double scale) {
  constexpr double narrow = 0.03;
  constexpr double medium = 0.15;
  return scale <= narrow ? 4 : scale <= medium ? 8 : 12;
}

// Powers of t in Chebyshev polynomial k: row k of the triangle.
std::vector<std::vector<double>> chebyshev_powers(std::int64_t count) {
  std::vector<std::vector<double>> powers(static_cast<std::size_t>(count),
                                          std::vector<double>(static_cast<std::size_t>(count)));
  powers[0][0] = 1.0;
  powers[1][1] = 1.0;
  for (std::size_t k = 2; k < powers.size(); ++k) {
    for (std::size_t power = 0; power < powers.size(); ++power) {
      const double twice = power > 0 ? 2.0 * powers[k - 1][power - 1] : 0.0;
      powers[k][power] = twice - powers[k - 2][power];
    }
  }
  return powers;
}

}  // namespace

SketchMap SketchMap::of_nodes(const std::vector<double>& nodes, double center, double scale) {
  SketchMap map{center, scale, static_cast<std::int64_t>(nodes.size()), taylor_width, {}};
  if (nodes.size() == 1) {
    return map;
  }
  map.width = width_of(scale);
  std::vector<HermitePoint> points;
  points.reserve(nodes.size());
  for (const double node : nodes) {
    points.push_back({node, 0.0, 0.0});
  }
  const Hermite hermite(std::move(points));
  const auto powers = chebyshev_powers(map.width);
  const auto samples = static_cast<int>(2 * nodes.size());
  map.weights.assign(static_cast<std::size_t>(map.width) * 2 * nodes.size(), 0.0);
  for (int s = 0; s < samples; ++s) {
    const double angle = std::numbers::pi * (s + 0.5) / samples;
    for (std::size_t j = 0; j < nodes.size(); ++j) {
      const auto [value, slope] = hermite.shares(j, center + scale * std::cos(angle));
      for (std::size_t k = 0; k < powers.size(); ++k) {
        const double share =
            (k == 0 ? 1.0 : 2.0) / samples * std::cos(static_cast<double>(k) * angle);
        for (std::size_t power = 0; power < powers.size(); ++power) {
          double* const weight = map.weights.data() + (power * nodes.size() + j) * 2;
          weight[0] += powers[k][power] * share * value;
          weight[1] += powers[k][power] * share * slope;
        }
      }
    }
  }
  return map;
}

RowSketch::RowSketch(std::int64_t rows, std::int64_t width, SketchExtra extra,
                     std::int64_t memory_bytes, const std::string& folder)
    : rows_(rows), width_(width), extra_(extra) {
  const std::int64_t floats = rows * record();
  if (floats * static_cast<std::int64_t>(sizeof(float)) <= memory_bytes) {
    records_.resize(static_cast<std::size_t>(floats));
  } else {
    file_ = data::ElementFile::temporary(folder);
  }
}

float* RowSketch::place(std::int64_t first, std::int64_t count, std::vector<float>& memory) {
  if (!file_.is_open()) {
    return records_.data() + first * record();
  }
  memory.resize(static_cast<std::size_t>(count * record()));
  return memory.data();
}

void RowSketch::write(std::int64_t first, std::int64_t count, const float* records) {
  if (file_.is_open()) {
    const auto bytes = static_cast<std::int64_t>(sizeof(float)) * record();
    file_.write(records, count * bytes, first * bytes);
  }
}

const float* RowSketch::read(std::int64_t first, std::int64_t count,
                             std::vector<float>& memory) const {
  if (!file_.is_open()) {
    return records_.data() + first * record();
  }
  memory.resize(static_cast<std::size_t>(count * record()));
  const auto bytes = static_cast<std::int64_t>(sizeof(float)) * record();
  file_.read(memory.data(), count * bytes, first * bytes);
  return memory.data();
}

}  // namespace steepest::calibrate
