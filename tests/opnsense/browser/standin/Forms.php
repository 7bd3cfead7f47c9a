<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The plugin's forms, as core's controllers give them to the views.
 */

namespace Carpd\StandIn;

final class Forms
{
    public function __construct(private string $folder)
    {
    }

    /** The variables of a page. */
    public function of(string $page): array
    {
        return match ($page) {
            'status' => ['formMaintenance' => $this->form('maintenance')],
            'settings' => [
                'formGeneral' => $this->form('general'),
                'formNode' => $this->form('node'),
                'formDialogService' => $this->form('dialogService'),
                'formGridService' => $this->grid('dialogService'),
                'formDialogProbe' => $this->form('dialogProbe'),
                'formGridProbe' => $this->grid('dialogProbe'),
            ],
            'check' => [],
        };
    }

    private function form(string $name): array
    {
        $sections = [['type' => false, 'children' => []]];
        foreach (simplexml_load_file("{$this->folder}/{$name}.xml")->field as $node) {
            $field = array_map('strval', iterator_to_array($node->children())) + ['help' => '', 'hint' => '', 'style' => ''];
            if ($field['type'] === 'header') {
                $sections[] = $field + ['children' => []];
            } else {
                $sections[array_key_last($sections)]['children'][] = $field;
            }
        }
        return ['sections' => $sections];
    }

    private function grid(string $name): array
    {
        $fields = [['column-id' => 'uuid', 'label' => 'ID', 'type' => 'string', 'identifier' => 'true', 'visible' => 'false']];
        foreach (simplexml_load_file("{$this->folder}/{$name}.xml")->field as $node) {
            $view = isset($node->grid_view) ? array_map('strval', iterator_to_array($node->grid_view->children())) : [];
            if ((string)$node->id !== '' && !isset($view['ignore'])) {
                $id = explode('.', (string)$node->id);
                $fields[] = $view + ['column-id' => end($id), 'label' => (string)$node->label, 'type' => 'string', 'visible' => 'true', 'sortable' => 'true'];
            }
        }
        return ['fields' => $fields, 'table_id' => $name, 'edit_dialog_id' => "dialog_{$name}"];
    }
}
