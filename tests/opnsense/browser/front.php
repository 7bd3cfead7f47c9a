<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The test server's front: `php -S 127.0.0.1:PORT front.php`. Serves the plugin's pages, files and API, each from the real
 * thing where it is given, else from the stand-ins beside this file.
 *
 *   CARPD_PLUGIN    the plugin's tree
 *   OPNSENSE_CORE   a checkout of OPNsense's core: its scripts, styles and partial views
 *   CARPD_CARPCTL   a carpctl that speaks of the lab's node
 *   CARPD_FILES     prepared answers, and what the plugin keeps below /conf
 *   CARPD_LAB, CARPD_NODE   the lab's folder, and its node that this is
 *   CARPD_THEME     opnsense or opnsense-dark
 */

namespace Carpd\StandIn;

require __DIR__ . '/standin/volt.php';
require __DIR__ . '/standin/Partials.php';
require __DIR__ . '/standin/Forms.php';
require __DIR__ . '/standin/layout.php';

$plugin = getenv('CARPD_PLUGIN') . '/src/opnsense';
$core = getenv('OPNSENSE_CORE') ? getenv('OPNSENSE_CORE') . '/src/opnsense' : null;
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);

function send(string $file): void
{
    $types = ['js' => 'text/javascript', 'css' => 'text/css', 'svg' => 'image/svg+xml', 'png' => 'image/png', 'woff2' => 'font/woff2', 'ttf' => 'font/ttf'];
    header('Content-Type: ' . ($types[pathinfo($file, PATHINFO_EXTENSION)] ?? 'application/octet-stream'));
    readfile($file);
}

if (str_starts_with($path, '/api/')) {
    header('Content-Type: application/json; charset=UTF-8');
    $prepared = getenv('CARPD_FILES') . '/answers' . $path . '.json';
    if (is_file($prepared)) {
        echo htmlspecialchars(file_get_contents($prepared), ENT_NOQUOTES);
        return true;
    }
    // The banner of problems is asked for by core's pages.
    $answer = $path === '/api/core/system/status' ? '{"metadata":{"system":{"status":"OK"},"translations":{}},"subsystems":{}}' : '[]';
    if (str_starts_with($path, '/api/carpd/')) {
        require __DIR__ . '/api.php';
        $answer = \answer($path);
    }
    if ($answer === null) {
        http_response_code(404);
    }
    echo $answer ?? '{"errorMessage":"Endpoint not found"}';
    return true;
}

if (preg_match('#^/ui/carpd/(status|settings|check)$#', $path, $found)) {
    header('Content-Type: text/html; charset=UTF-8');
    header("Content-Security-Policy: default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'");
    if ($core !== null && extension_loaded('phalcon')) {
        require __DIR__ . '/api.php';
        require __DIR__ . '/page.php';
        echo \pageOfCore($found[1]);
        return true;
    }
    $forms = new Forms("{$plugin}/mvc/app/controllers/OPNsense/Carpd/forms");
    echo layout($core, (new Volt("{$plugin}/mvc/app/views"))->render("OPNsense/Carpd/{$found[1]}", $forms->of($found[1])));
    return true;
}

if (str_starts_with($path, '/ui/') && !str_contains($path, '..')) {
    foreach (array_filter(["{$plugin}/www", $core ? "{$core}/www" : null, __DIR__ . '/standin/www']) as $root) {
        $file = $root . substr($path, 3);
        if (is_file($file)) {
            send($file);
            return true;
        }
    }
}
http_response_code(404);
return true;
