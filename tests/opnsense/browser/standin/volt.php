<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A stand-in for Phalcon's Volt and for core's partial views, for machines without Phalcon. It covers what the plugin's own
 * views use and nothing more: comments, lang._(), variables with keys, partial() with an array of arguments, and PHP.
 */

namespace Carpd\StandIn;

final class Volt
{
    public function __construct(private string $views)
    {
    }

    /** The page as HTML; a construct that is not covered is an error, not a guess. */
    public function render(string $view, array $variables): string
    {
        $text = file_get_contents("{$this->views}/{$view}.volt");
        $text = preg_replace('/\{#.*?#\}/s', '', $text);
        $text = preg_replace_callback('/\{\{(.*?)\}\}/s', fn ($found) => '<?= ' . $this->expression(trim($found[1])) . ' ?>', $text);
        if (preg_match('/\{%.*?%\}/s', $text, $found)) {
            throw new \RuntimeException("the stand-in for Volt does not cover {$found[0]} in {$view}");
        }
        $variables['__partial'] = fn ($name, $arguments = []) => $this->partial($name, $arguments + $variables);
        return (static function () {
            extract(func_get_arg(1));
            ob_start();
            eval('?>' . func_get_arg(0));
            return ob_get_clean();
        })($text, $variables);
    }

    private function partial(string $name, array $variables): string
    {
        if (str_starts_with($name, 'layout_partials/')) {
            return Partials::render(substr($name, strlen('layout_partials/')), $variables);
        }
        return $this->render($name, $variables);
    }

    /** An expression as PHP: strings stay, `'key':` becomes `'key' =>`, names become variables. */
    private function expression(string $volt): string
    {
        $php = '';
        foreach (preg_split("/('(?:[^'\\\\]|\\\\.)*'|\"[^\"]*\")/", $volt, -1, PREG_SPLIT_DELIM_CAPTURE) as $index => $part) {
            if ($index % 2 === 1) {
                $php .= $part[0] === '"' ? var_export(substr($part, 1, -1), true) : $part;
                continue;
            }
            $part = preg_replace('/:(?!:)/', '=>', $part);
            $part = preg_replace_callback('/\b([A-Za-z_]\w*)\b(\._)?/', function ($found) {
                return match (true) {
                    isset($found[2]) => '\Carpd\StandIn\translated',
                    $found[1] === 'partial' => '$__partial',
                    default => '$' . $found[1],
                };
            }, $part);
            if (preg_match('/[|~?%]/', $part)) {
                throw new \RuntimeException("the stand-in for Volt does not cover {$volt}");
            }
            $php .= $part;
        }
        return $php;
    }
}

function translated(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES | ENT_HTML401);
}
