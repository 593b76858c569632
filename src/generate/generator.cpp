// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>

#include "steepest/error.hpp"
#include "steepest/generate.hpp"
#include "steepest/shuffle.hpp"

namespace steepest {
namespace {

// Streams of random numbers that must not meet.
constexpr std::uint64_t stream_features = 1;
constexpr std::uint64_t stream_noise = 2;
constexpr std::uint64_t stream_truth = 3;
constexpr std::uint64_t stream_rotation = 4;
constexpr double deviation_of_logits = 2.0;

void require(bool holds, const char* sentence) {
  if (!holds) {
    throw OptionError(sentence);
  }
}

void check(const GeneratorOptions& options) {
  require(options.rows >= 1, "--rows must be at least 1");
  require(options.features >= 1, "--features must be at least 1");
  require(options.kind == GeneratorKind::linear || options.classes >= 2,
          "--classes must be at least 2");
  require(options.noise >= 0.0 && std::isfinite(options.noise), "--noise must be 0 or more");
  require(options.condition >= 1.0 && std::isfinite(options.condition),
          "--condition must be at least 1");
  require(options.temperature > 0.0 && std::isfinite(options.temperature),
          "--temperature must be above 0");
}

}  // namespace

Generator::Generator(const GeneratorOptions& options) : options_(options) {
  check(options);
  if (options.kind == GeneratorKind::logits) {
    return;
  }
  const std::int64_t d = options.features;
  double square = 0.0;
  for (std::int64_t j = 0; j < d; ++j) {
    const double share = d == 1 ? 0.0 : static_cast<double>(j) / static_cast<double>(d - 1);
    spread_.push_back(std::pow(options.condition, -0.5 * share));
    reflection_.push_back(normal(stream_rotation, 0, j));
    square += reflection_.back() * reflection_.back();
  }
  for (double& element : reflection_) {
    element /= std::sqrt(square);
  }
  const std::int64_t outputs = options.kind == GeneratorKind::linear ? 1 : options.classes;
  for (std::int64_t o = 0; o < outputs; ++o) {
    for (std::int64_t j = 0; j < d; ++j) {
      coefficients_.push_back(normal(stream_truth, o, j));
    }
    intercept_.push_back(normal(stream_truth, o, d));
  }
}

std::vector<std::string> Generator::column_names() const {
  std::vector<std::string> names;
  if (options_.kind == GeneratorKind::logits) {
    for (std::int64_t c = 0; c < options_.classes; ++c) {
      names.push_back(fmt::format("z{}", c));
    }
  } else {
    for (std::int64_t j = 1; j <= options_.features; ++j) {
      names.push_back(fmt::format("x{}", j));
    }
  }
  names.emplace_back(options_.kind == GeneratorKind::linear ? "y" : "label");
  return names;
}

std::vector<float> Generator::features(std::int64_t row) const {
  const bool logits = options_.kind == GeneratorKind::logits;
  const std::int64_t width = logits ? options_.classes : options_.features;
  std::vector<double> values(static_cast<std::size_t>(width));
  double along = 0.0;
  for (std::int64_t j = 0; j < width; ++j) {
    const auto index = static_cast<std::size_t>(j);
    const double scale = logits ? deviation_of_logits : spread_[index];
    values[index] = scale * normal(stream_features, row, j);
    along += logits ? 0.0 : values[index] * reflection_[index];
  }
  std::vector<float> result(values.size());
  for (std::size_t j = 0; j < values.size(); ++j) {
    const double turned = logits ? values[j] : values[j] - 2.0 * along * reflection_[j];
    result[j] = static_cast<float>(turned);
  }
  return result;
}

double Generator::target(std::int64_t row, const std::vector<float>& features) const {
  std::vector<double> scores;
  if (options_.kind == GeneratorKind::logits) {
    for (const float z : features) {
      scores.push_back(static_cast<double>(z) / options_.temperature);
    }
    return draw_class(row, scores, 1.0);
  }
  for (std::size_t o = 0; o < intercept_.size(); ++o) {
    double score = intercept_[o];
    for (std::size_t j = 0; j < features.size(); ++j) {
      score += coefficients_[o * features.size() + j] * static_cast<double>(features[j]);
    }
    scores.push_back(score);
  }
  if (options_.kind == GeneratorKind::linear) {
    return scores.front() + options_.noise * normal(stream_noise, row, 0);
  }
  return draw_class(row, scores, options_.noise);
}

// The class of the largest score plus noise times a Gumbel variable.
std::int32_t Generator::draw_class(std::int64_t row, const std::vector<double>& scores,
                                   double noise) const {
  std::size_t best = 0;
  double best_score = -HUGE_VAL;
  for (std::size_t c = 0; c < scores.size(); ++c) {
    const double u = uniform(stream_noise, row, static_cast<std::int64_t>(c));
    const double score = scores[c] - noise * std::log(-std::log(u));
    if (score > best_score) {
      best_score = score;
      best = c;
    }
  }
  return static_cast<std::int32_t>(best);
}

// In (0, 1), from nothing but its coordinates.
double Generator::uniform(std::uint64_t stream, std::int64_t row, std::int64_t index) const {
  std::uint64_t bits = scramble(options_.seed * 0x9e3779b97f4a7c15ULL + stream);
  bits = scramble(bits + 0x9e3779b97f4a7c15ULL * static_cast<std::uint64_t>(row + 1));
  bits = scramble(bits + 0x9e3779b97f4a7c15ULL * static_cast<std::uint64_t>(index + 1));
  return (static_cast<double>(bits >> 11) + 0.5) * 0x1.0p-53;
}

// Box and Muller (1958).
double Generator::normal(std::uint64_t stream, std::int64_t row, std::int64_t index) const {
  constexpr double two_pi = 6.28318530717958647692;
  const double radius = std::sqrt(-2.0 * std::log(uniform(stream, row, 2 * index)));
  return radius * std::cos(two_pi * uniform(stream, row, 2 * index + 1));
}

GeneratorKind parse_generator(std::string_view text) {
  if (text == "linear") {
    return GeneratorKind::linear;
  }
  if (text == "softmax") {
    return GeneratorKind::softmax;
  }
  if (text == "logits") {
    return GeneratorKind::logits;
  }
  throw OptionError(
      fmt::format("generator \"{}\" is not known: use linear, softmax or logits", text));
}

}  // namespace steepest
